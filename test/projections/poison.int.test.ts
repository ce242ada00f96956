import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import { listDeadLetters } from '../../src/projections/deadLetters/queries.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { command, type SparkEvent, started } from '../support/story.js';

/** No fold takes it: it is no uuid. */
const foldPoison = (): SparkEvent => ({ ...started(command()), eventId: 'not-a-uuid' });
/** Only Postgres can tell: no index holds such a long text. */
const postgresPoison = (): SparkEvent => ({
  ...started(command()),
  sessionId: randomBytes(20_000).toString('base64'),
});

let db: TestDatabase;
let pool: pg.Pool;
let rig: Rig;
/** Statements that the projector sent, by their first word. */
let sent: string[];

beforeEach(async () => {
  sent = [];
  db = await createTestDatabase();
  pool = createPool({ url: db.urlFor('spark_projector'), applicationName: 'test', maxConnections: 4 });
  pool.on('connect', countStatements);
  rig = projectorRig(pool);
});

afterEach(async () => {
  await rig.projector.stop();
  await pool.end();
  await db.drop();
});

function countStatements(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  Object.assign(client, {
    query: (...args: unknown[]) => {
      const [first] = args;
      const text = typeof first === 'string' ? first : ((first as { text?: string }).text ?? 'COPY');
      sent.push(text.trim().split(/\s/, 1)[0] ?? '');
      return query(...args);
    },
  });
}

const transactions = (): number => sent.filter((word) => word === 'BEGIN').length;
const refused = (): number => sent.filter((word) => word === 'ROLLBACK').length;

/** One message of the log, so that all of it is in one batch. */
async function project(events: readonly SparkEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += 1_000) rig.log.append(events.slice(from, from + 1_000));
  await rig.projector.start();
  await rig.caughtUp();
}

const letterCount = async (): Promise<number> => (await listDeadLetters(db.admin, { limit: 5_000 })).length;
async function eventCount(): Promise<number> {
  const { rows } = await db.admin.query<{ n: number }>('SELECT count(*)::int AS n FROM spark.spark_events');
  return rows[0]?.n ?? -1;
}

/** Every n-th of so many events is poison. */
const mixed = (count: number, every: number, poison: () => SparkEvent): SparkEvent[] =>
  Array.from({ length: count }, (_, at) => (at % every === every - 1 ? poison() : started(command())));

describe('many poison events in one batch', () => {
  it('given events that no fold takes, then one transaction holds the rest and all the dead letters', async () => {
    await project(mixed(900, 3, foldPoison));
    expect([await eventCount(), await letterCount()]).toEqual([600, 300]);
    expect([rig.batches.length, transactions(), refused()]).toEqual([1, 1, 0]);
    expect(rig.batches[0]).toMatchObject({ events: 900, poisoned: 300, unreadable: 0 });
  });

  it('given events that Postgres refuses, then each costs four transactions at most (refused, what lies before it, refused alone, its letter)', async () => {
    await project(mixed(800, 100, postgresPoison));
    expect([await eventCount(), await letterCount()]).toEqual([792, 8]);
    expect(transactions()).toBeLessThanOrEqual(4 * 8 + 1);
    expect(refused()).toBeLessThanOrEqual(2 * 8);
  });

  it('given nothing but events that Postgres refuses, then it still ends, in three transactions each', async () => {
    await project(mixed(60, 1, postgresPoison));
    expect([await eventCount(), await letterCount()]).toEqual([0, 60]);
    expect(transactions()).toBeLessThanOrEqual(3 * 60);
    const after = command();
    await project([started(after)]);
    expect(await eventCount()).toBe(1);
  });

  it('given every kind of poison beside each other, then each is a letter of its own and every good event is there', async () => {
    const events = mixed(300, 50, postgresPoison).map((event, at) => (at % 7 === 6 ? foldPoison() : event));
    rig.log.appendRaw('not json');
    await project(events);
    rig.log.appendRaw('{"v":1,"events":[null,{"no":"event"}]}');
    await rig.caughtUp();
    const letters = await listDeadLetters(db.admin, { limit: 5_000 });
    const good = events.filter(
      ({ eventId, sessionId }) => eventId !== 'not-a-uuid' && sessionId.length < 1_000,
    );
    expect(await eventCount()).toBe(good.length);
    expect(letters).toHaveLength(events.length - good.length + 3);
    expect(letters.filter(({ reason }) => reason === 'unreadable_event')).toHaveLength(3);
    expect(new Set(letters.map(({ id }) => id)).size).toBe(letters.length);
  });
});

describe('a dead letter of the projector', () => {
  it('tells what it was, why it was refused, and whose it was', async () => {
    const story = command({ sessionId: 'its-session', editor: 'left' });
    await project([{ ...started(story), eventId: 'not-a-uuid' }]);
    const [letter] = await listDeadLetters(db.admin, { limit: 1 });
    expect(letter).toMatchObject({
      ...{ source: 'projector', reason: 'poison_event', state: 'open' },
      ...{ sessionId: 'its-session', editor: 'left', commandId: story.commandId },
      lastError: expect.stringContaining('not-a-uuid'),
    });
    expect(JSON.parse(letter?.body ?? '')).toMatchObject({ eventId: 'not-a-uuid' });
  });

  it('given a crash in the middle of such a batch, then the letters and the rows are those of a run without one', async () => {
    const events = mixed(400, 40, postgresPoison);
    const whole = await digestsOf(events);
    rig.log.append(events);
    let cuts = 0;
    pool.on('connect', (client) => {
      if (cuts >= 3) return;
      cuts += 1;
      // Its process dies in the middle: with the poison isolated in part.
      setTimeout(() => void client.end().catch(() => undefined), 40 * cuts);
    });
    await rig.projector.start();
    await rig.caughtUp();
    expect(await digestReadModels(db.admin)).toEqual(whole);
    expect(await letterCount()).toBe(10);
  });
});

describe('poison in the middle of a rebuild', () => {
  it('given poison of every kind in the log, then the rebuilt read models and dead letters equal the live ones, and the projection goes on', async () => {
    const events = mixed(400, 60, postgresPoison).map((event, at) => (at % 9 === 8 ? foldPoison() : event));
    rig.log.appendRaw('not json');
    await project(events);
    const [live, letters] = [
      await digestReadModels(db.admin),
      await listDeadLetters(db.admin, { limit: 5_000 }),
    ];
    const builder = createPool({
      url: db.urlFor('spark_projector'),
      applicationName: 'test',
      maxConnections: 6,
    });
    const result = await rebuild({
      ...{ pool: builder, logSource: rig.log, imageSource: rig.images, clock: systemClock },
      ...{ signal: new AbortController().signal, settleMs: 0 },
    });
    await builder.end();
    expect(result.poisoned).toBe(letters.length);
    expect(await listDeadLetters(db.admin, { limit: 5_000 })).toEqual(letters);
    expect(await digestReadModels(db.admin)).toEqual(live);
    rig.log.append([foldPoison(), started(command())]);
    await rig.caughtUp();
    expect(await letterCount()).toBe(letters.length + 1);
    expect(await eventCount()).toBe(events.length + 2 - letters.length);
  });
});

/** What the read models come to in a database of its own, without a crash. */
async function digestsOf(events: readonly SparkEvent[]): Promise<unknown> {
  const own = await createTestDatabase();
  const other = projectorRig(own.pool('spark_projector'));
  await other.projector.start();
  other.log.append(events);
  await other.caughtUp();
  const digests = await digestReadModels(own.admin);
  await other.projector.stop();
  await own.drop();
  return digests;
}

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { Service } from '../../src/core/service.js';
import {
  createDeadLetterActionProjector,
  createDeadLetterProjector,
} from '../../src/projections/deadLetters/projector.js';
import {
  actionsOfLetter,
  countOpenDeadLetters,
  deadLetterById,
  listDeadLetters,
} from '../../src/projections/deadLetters/queries.js';
import type { DeadLetter, DeadLetterAction } from '../../src/projections/ports.js';
import { MemoryDeadLetterActions, MemoryDeadLetters } from '../support/memoryLog.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { STORY_BEGAN_MS } from '../support/story.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
beforeEach(() => forget('dead_letters', 'dead_letter_actions'));

/** As the cure of a changed stream says: without its checkpoint and rows a projection begins anew. */
async function forget(...checkpoints: string[]): Promise<void> {
  await db.admin.query('DELETE FROM spark.checkpoints WHERE name = ANY($1)', [checkpoints]);
  if (checkpoints.includes('dead_letters')) await db.admin.query('DELETE FROM spark.stream_dead_letters');
  if (checkpoints.includes('dead_letter_actions'))
    await db.admin.query('DELETE FROM spark.spark_dead_letter_actions');
}

const letter = (over: Partial<DeadLetter> = {}): DeadLetter => ({
  reason: 'malformed_json',
  attempts: 1,
  lastError: 'Unexpected token',
  originalSubject: 'spark.commands.default.unity.generate_script.session-1',
  headers: { 'Spark-Actor': 'somebody' },
  body: '{"a\0',
  bodyEncoding: 'utf8',
  bodyTruncated: false,
  commandId: null,
  sessionId: 'session-1',
  editor: 'default',
  stream: { seq: 12, index: 0 },
  ...over,
});

const COMMAND = '0b7c1f9e-1111-8aaa-8bbb-0123456789ab';
const redriven = (letterId: number, redrive = 1, newCommandId = COMMAND): DeadLetterAction => ({
  action: 'redriven',
  letterId,
  actor: 'ops',
  newCommandId,
  redrive,
  payloadSha: 'ab',
});

const letters = new MemoryDeadLetters();
const actions = new MemoryDeadLetterActions();

/** Runs a projection until it has read its stream to the end. */
async function projected(source: MemoryDeadLetters | MemoryDeadLetterActions): Promise<void> {
  let service: Service | undefined;
  const end = source.stream.lastSeq;
  await new Promise<void>((resolve, reject) => {
    const options = {
      pool: db.pool('spark_projector'),
      clock: systemClock,
      onBatch: ({ lastSeq }: { lastSeq: number }) => lastSeq === end && resolve(),
      onError: reject,
      onFatal: reject,
    };
    service =
      source instanceof MemoryDeadLetters
        ? createDeadLetterProjector({ ...options, source })
        : createDeadLetterActionProjector({ ...options, source });
    service.start().catch(reject);
  });
  await service?.stop();
}

const dump = async () => (await db.admin.query('SELECT * FROM spark.spark_dead_letters ORDER BY id')).rows;

it('given dead letters and a restart, then each is one row with the sequence of its stream', async () => {
  letters.stream.append(letter());
  letters.stream.append(letter({ reason: 'attempts_exhausted', attempts: 5, sessionId: null }));
  await projected(letters);
  letters.stream.append(letter({ body: 'AAEC', bodyEncoding: 'base64', bodyTruncated: true }));
  await projected(letters);

  expect((await listDeadLetters(db.pool('spark_ingest'), { limit: 10 })).map((row) => row.id)).toEqual([
    3, 2, 1,
  ]);
  expect(await deadLetterById(db.admin, 1)).toEqual({
    ...letter(),
    source: 'stream',
    id: 1,
    ts: new Date(STORY_BEGAN_MS + 1),
    body: '{"a\ufffd',
    stream: undefined,
    streamSeq: 12,
    streamIndex: 0,
    streamMark: null,
    type: 'unity.generate_script',
    state: 'open',
    redrivenAt: null,
    redrivenAs: null,
    droppedAt: null,
    actedBy: null,
    redrives: 0,
  });
});

it('given an envelope, then the type is that of the item the letter is about', async () => {
  const items = [{ type: 'unity.delete_script' }, { type: 'session.undo' }];
  const envelope = { originalSubject: 'spark.command-envelopes.0', body: JSON.stringify({ v: 1, items }) };
  letters.stream.append(letter({ ...envelope, stream: { seq: 13, index: 1 } }));
  letters.stream.append(letter({ ...envelope, bodyTruncated: true }));
  letters.stream.append(letter({ originalSubject: 'spark.commands.nonsense' }));
  await projected(letters);
  const rows = await listDeadLetters(db.admin, { limit: 3 });
  expect(rows.map((row) => row.type)).toEqual([null, null, 'session.undo']);
});

it('given what was done, then each letter is in the state of its last action, a repeat counting once', async () => {
  actions.stream.append(redriven(1));
  actions.stream.append({ action: 'dropped', letterId: 2, actor: 'ops' });
  // The same redrive told again after the duplicate window, and one more of another letter.
  actions.stream.append(redriven(1));
  actions.stream.append(redriven(2, 1));
  actions.stream.append(redriven(2, 2, '0b7c1f9e-2222-8aaa-8bbb-0123456789ab'));
  await projected(letters);
  await projected(actions);

  expect(await deadLetterById(db.admin, 1)).toMatchObject({
    state: 'redriven',
    redrives: 1,
    redrivenAs: COMMAND,
    redrivenAt: new Date(STORY_BEGAN_MS + 1_001),
    actedBy: 'ops',
    droppedAt: null,
  });
  expect(await deadLetterById(db.admin, 2)).toMatchObject({
    state: 'redriven',
    redrives: 2,
    redrivenAs: '0b7c1f9e-2222-8aaa-8bbb-0123456789ab',
    droppedAt: new Date(STORY_BEGAN_MS + 1_002),
  });
  expect(await countOpenDeadLetters(db.pool('spark_ingest'))).toBe(letters.stream.lastSeq - 2);
  expect(await actionsOfLetter(db.pool('spark_ingest'), 1)).toMatchObject([
    { action: 'redriven', redrive: 1 },
    { action: 'redriven', redrive: 1 },
  ]);
});

it('given a rebuild from the streams, in whichever order or both at once, then the rows are those of live', async () => {
  await projected(letters);
  await projected(actions);
  const live = await dump();
  expect(live.some((row: { state: string }) => row.state === 'redriven')).toBe(true);

  await forget('dead_letters', 'dead_letter_actions');
  await projected(actions);
  await projected(letters);
  expect(await dump()).toEqual(live);

  await forget('dead_letters', 'dead_letter_actions');
  await Promise.all([projected(actions), projected(letters)]);
  expect(await dump()).toEqual(live);
});

it('given a place that is told again by a worker that did not know its letter was stored, then it is one row, live and rebuilt', async () => {
  const own = new MemoryDeadLetters();
  const place = (mark: string, index = 0) => letter({ stream: { seq: 77, index, mark } });
  own.stream.append(place('one'));
  own.stream.append(place('one', 1));
  await projected(own);
  own.stream.append(place('one'));
  own.stream.append(place('another'));
  own.stream.append(place('another'));
  await projected(own);
  const live = await dump();
  expect(live.map(({ id, stream_mark }: { id: string; stream_mark: string }) => [id, stream_mark])).toEqual([
    ['1', 'one'],
    ['2', 'one'],
    ['4', 'another'],
  ]);
  await forget('dead_letters');
  await projected(own);
  expect(await dump()).toEqual(live);
});

it('given filters and pages, then only what matches is listed, each once', async () => {
  await projected(letters);
  await projected(actions);
  const pool = db.pool('spark_ingest');
  const ids = async (query: Omit<Parameters<typeof listDeadLetters>[1], 'limit'>) =>
    (await listDeadLetters(pool, { ...query, limit: 100 })).map((row) => row.id);
  expect(await ids({ reason: 'attempts_exhausted' })).toEqual([2]);
  expect(await ids({ state: 'redriven', oldestFirst: true })).toEqual([1, 2]);
  expect(await ids({ type: 'session.undo' })).toEqual([4]);
  expect(await ids({ since: new Date(STORY_BEGAN_MS + 3), until: new Date(STORY_BEGAN_MS + 5) })).toEqual([
    4, 3,
  ]);
  const first = await listDeadLetters(pool, { limit: 2 });
  const last = first.at(-1);
  if (!last) throw new Error('there are letters');
  expect(await ids({ after: last })).toEqual([4, 3, 2, 1]);
});

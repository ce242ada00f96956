import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeLogMessage } from '../../src/events/log.js';
import { connectRole } from '../../src/streams/connection.js';
import { startCli } from '../support/cli.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startTestCluster } from '../support/postgresCluster.js';
import { eventually, newHome, removeHome, Stop } from '../support/spark.js';
import { command, completed, started } from '../support/story.js';

/** A frozen projector's place is free after `SILENCE_TIMEOUT_MS` (15 s); the rest is room for a slow machine. */
const THAW_MS = 60_000;

/** `spark projector` as a process of its own, seen by what it tells at its status address. */
class Projector {
  readonly #run: ReturnType<typeof startCli>;
  readonly pid: number;

  constructor(home: string, env: Record<string, string>) {
    this.#run = startCli(home, ['projector'], env);
    this.pid = Number(this.#run.child.pid);
  }

  get said(): string {
    return this.#run.text.out + this.#run.text.err;
  }

  async #get(path: string): Promise<string> {
    const url = /runs at (http:\/\/\S+?);/.exec(this.said)?.[1];
    if (url === undefined) throw new Error(`not up yet:\n${this.said}`);
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) });
    return response.text();
  }

  /** The one state whose gauge is 1. */
  async state(projection = 'log'): Promise<string | undefined> {
    const states = [...(await this.#get('/metrics')).matchAll(STATE)].filter(
      ([, name, , value]) => name === projection && value === '1',
    );
    if (states.length !== 1) throw new Error(`in ${states.length} states at once`);
    return states[0]?.[2];
  }

  async is(state: string, projection = 'log'): Promise<void> {
    await eventually(
      async () => {
        if (this.#run.child.exitCode !== null) throw new Stop(`it has ended:\n${this.said}`);
        expect(await this.state(projection)).toBe(state);
      },
      { timeoutMs: THAW_MS },
    );
  }

  readyz(): Promise<string> {
    return this.#get('/readyz');
  }

  signal(name: NodeJS.Signals): void {
    this.#run.child.kill(name);
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.#run.ended;
  }

  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGINT');
    expect((await this.#run.ended).code).toBe(0);
  }
}

const STATE = /^spark_projector_state\{projection="(\w+)",state="(\w+)"\} (\d+)$/gm;

describe('several projectors of one SPARK, each a process of its own', () => {
  const home = newHome();
  const projectors: Projector[] = [];
  let nats: OwnNats;
  let cluster: Awaited<ReturnType<typeof startTestCluster>>;
  let db: TestDatabase;
  let commands = 0;

  beforeAll(async () => {
    [nats, cluster] = await Promise.all([startOwnNats(), startTestCluster()]);
    db = await createTestDatabase({ cluster: cluster.cluster });
  });
  afterAll(async () => {
    await Promise.allSettled(projectors.map((projector) => projector.stop()));
    await db.drop();
    await Promise.all([nats.stop(), cluster.stop()]);
    removeHome(home);
  });

  const launch = (): Projector => {
    const roles = ['ADMIN', 'PROJECTOR'].map((role) => [`SPARK_NATS_${role}_PASSWORD`, 'for-tests-only']);
    const env = { NATS_URL: nats.url, DATABASE_URL: db.adminUrl, ...Object.fromEntries(roles) };
    const projector = new Projector(home, env);
    projectors.push(projector);
    return projector;
  };

  /** Appends lives of commands to the log, as a worker does. */
  const happen = async (count: number): Promise<void> => {
    const worker = await connectRole('worker', nats.url, nats.credentials('worker'));
    const js = jetstream(worker);
    for (let n = 0; n < count; n++) {
      const story = command({ sessionId: `session-${n % 3}` });
      await js.publish('spark.log.0', encodeLogMessage([started(story)]));
      await js.publish('spark.log.0', encodeLogMessage([completed(story)]));
    }
    commands += count;
    await worker.close();
  };

  /** Every event is there once, and counted once by the models that add up. */
  const allThereOnce = () =>
    eventually(
      async () => {
        const { rows } = await db.admin.query(
          `SELECT (SELECT count(*)::int FROM spark.spark_events) AS events,
             (SELECT count(DISTINCT event_id)::int FROM spark.spark_events) AS distinct_events,
             (SELECT count(*)::int FROM spark.spark_function_calls) AS calls,
             (SELECT sum(completed)::int FROM spark.spark_sessions) AS completed,
             (SELECT sum(events)::int FROM spark.spark_sessions) AS session_events`,
        );
        expect(rows[0]).toEqual({
          ...{ events: 2 * commands, distinct_events: 2 * commands, calls: commands },
          ...{ completed: commands, session_events: 2 * commands },
        });
      },
      { timeoutMs: THAW_MS },
    );

  it('given two, then one works and the other waits and says so; given kill -9 of the first in the middle, then the other takes over', async () => {
    const first = launch();
    await first.is('working');
    const second = launch();
    await second.is('waiting');
    for (const projection of ['dead_letters', 'dead_letter_actions']) {
      await first.is('working', projection);
      await second.is('waiting', projection);
    }
    expect(second.said).toContain('another process has the projection of the log');
    expect(await second.readyz()).toContain('log waiting');
    expect(await first.readyz()).toContain('log working');
    const happening = happen(150);
    await eventually(async () => {
      const { rows } = await db.admin.query('SELECT count(*)::int AS n FROM spark.spark_events');
      expect(rows[0].n).toBeGreaterThan(20);
    });
    await first.kill9();
    await second.is('working');
    await happening;
    await allThereOnce();
  });

  it('given the one at work is frozen (SIGSTOP), then another takes over; thawed, it waits and nothing is there twice', async () => {
    const [, second] = projectors;
    if (second === undefined) throw new Error('the test before has left no projector');
    const third = launch();
    await third.is('waiting');
    const happening = happen(150);
    await eventually(async () => {
      const { rows } = await db.admin.query('SELECT count(*)::int AS n FROM spark.spark_events');
      expect(rows[0].n).toBeGreaterThan(2 * (commands - 150));
    });
    second.signal('SIGSTOP');
    await happening;
    await third.is('working');
    await allThereOnce();
    second.signal('SIGCONT');
    await second.is('waiting');
    await happen(20);
    await allThereOnce();
    expect(await third.state()).toBe('working');
  });
});

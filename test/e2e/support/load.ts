import { connect, type NatsConnection, headers as natsHeaders } from 'nats';
import { expect } from 'vitest';
import { type Endpoints, eventually, type Spark, Stop } from '../../support/spark.js';

export interface Published {
  readonly session: string;
  readonly key: string;
  /** The place in its session, from 1. */
  readonly n: number;
  readonly path: string;
}

/** A NATS client of its own that survives restarts of the server: the home keeps its port and its passwords. */
export function outsideClient(endpoints: Endpoints): Promise<NatsConnection> {
  return connect({
    servers: endpoints.nats.split(','),
    user: endpoints.natsUser,
    pass: endpoints.natsPassword,
    inboxPrefix: endpoints.natsInboxPrefix,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    pingInterval: 1_000,
    maxPingOut: 2,
  });
}

/** One keyed `generate_script` straight to the stream; throws what JetStream says, or that it has said nothing in time. */
export async function publishScript(
  nc: NatsConnection,
  command: Published & { readonly editor?: string },
  timeoutMs = 2_000,
): Promise<void> {
  const headers = natsHeaders();
  headers.set('Spark-Idempotency-Key', command.key);
  const name = command.path.slice(command.path.lastIndexOf('/') + 1, -3);
  const body = JSON.stringify({ name, path: command.path, code: `class ${name} { /* ${command.key} */ }` });
  const subject = `spark.commands.${command.editor ?? 'default'}.unity.generate_script.${command.session}`;
  const reply = await nc.request(subject, body, { headers, timeout: timeoutMs });
  const ack = reply.json<{ error?: { description: string; err_code: number } }>();
  if (ack.error) throw new Error(`${ack.error.description} (${ack.error.err_code})`);
}

/**
 * Light load as careful clients make it: several sessions, each publishes one command after the other, and sends the same key again
 * until JetStream has acknowledged it.
 */
export class Load {
  readonly sessions: readonly string[];
  readonly acked: Published[] = [];
  /** Publishes that were not acknowledged at once and went out again. */
  repeats = 0;
  readonly #nc: NatsConnection;
  readonly #everyMs: number;
  readonly #tag: string;
  #running: Promise<void>[] = [];
  #stopped = false;

  private constructor(nc: NatsConnection, tag: string, sessions: number, everyMs: number) {
    this.#nc = nc;
    this.#tag = tag;
    this.#everyMs = everyMs;
    this.sessions = Array.from({ length: sessions }, (_, index) => `${tag}-${index}`);
  }

  /** `everyMs`: between two commands of one session. */
  static async start(
    endpoints: Endpoints,
    options: { tag: string; sessions: number; everyMs: number },
  ): Promise<Load> {
    const load = new Load(await outsideClient(endpoints), options.tag, options.sessions, options.everyMs);
    load.#running = load.sessions.map((session, index) => load.#publishAll(session, index));
    return load;
  }

  /** Waits until this many more commands are acknowledged: the way in works (again). */
  async grows(by: number): Promise<void> {
    const goal = this.acked.length + by;
    await eventually(() => expect(this.acked.length).toBeGreaterThanOrEqual(goal), { timeoutMs: 60_000 });
  }

  /** No more commands; resolves when the last one is acknowledged. */
  async stop(): Promise<readonly Published[]> {
    this.#stopped = true;
    await Promise.all(this.#running);
    await this.#nc.close();
    return this.acked;
  }

  async #publishAll(session: string, index: number): Promise<void> {
    for (let n = 1; !this.#stopped; n++) {
      const path = `Assets/Load/${this.#tag}/S${index}N${n}.cs`;
      const command = { session, key: `key-${n}`, n, path };
      while (!(await this.#acknowledged(command))) this.repeats++;
      this.acked.push(command);
      await new Promise((resolve) => setTimeout(resolve, this.#everyMs * (0.5 + Math.random())));
    }
  }

  async #acknowledged(command: Published): Promise<boolean> {
    try {
      await publishScript(this.#nc, command);
      return true;
    } catch {
      // Perhaps stored, perhaps not: the same key makes it one command.
      await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    }
  }
}

/** Nothing acked is lost, nothing happened twice, each session's order was kept. Reads the standby and the simulator's effect log. */
export async function expectEachOnce(spark: Spark, acked: readonly Published[], timeoutMs = 90_000) {
  const sessions = [...new Set(acked.map(({ session }) => session))];
  await eventually(
    async () => {
      const states = await spark.sql<{ state: string; n: number }>(
        'SELECT state, count(*)::int AS n FROM spark_commands WHERE session_id = ANY($1) GROUP BY state',
        [sessions],
      );
      const bad = states.find(({ state }) => !['accepted', 'started', 'completed'].includes(state));
      if (bad) throw new Stop(`${bad.n} commands are ${bad.state}`);
      expect(states, 'states on the standby').toEqual([{ state: 'completed', n: acked.length }]);
    },
    { timeoutMs, everyMs: 200 },
  );
  const stories = await spark.sql<{ idempotency_key: string; session_id: string; began: number; n: number }>(
    `SELECT c.session_id, c.idempotency_key, count(*)::int AS n,
            count(*) FILTER (WHERE e.type LIKE '%.started')::int AS began
     FROM spark_commands c JOIN spark_events e USING (command_id)
     WHERE c.session_id = ANY($1) GROUP BY 1, 2`,
    [sessions],
  );
  expect(stories.filter(({ began, n }) => began !== 1 || n !== 2)).toEqual([]);
  const keys = (list: readonly { session: string; key: string }[]) =>
    list.map(({ session, key }) => `${session} ${key}`).sort();
  expect(keys(stories.map((row) => ({ session: row.session_id, key: row.idempotency_key })))).toEqual(
    keys(acked),
  );
  const place = new Map(acked.map((command) => [command.path, command]));
  const seen = (await spark.effects()).flatMap((effect) => place.get(effect.path) ?? []);
  for (const session of sessions) {
    const done = seen.filter((command) => command.session === session).map(({ n }) => n);
    // As published: strictly one after the other, each once.
    expect(done, `effects of ${session}`).toEqual(Array.from({ length: done.length }, (_, at) => at + 1));
  }
  expect(seen).toHaveLength(acked.length);
}

/** The few questions the launcher asks of its own servers. The only file here that speaks to Postgres. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PostgresUnusableError } from './errors.js';
import { OWNER_ROLE } from './postgresConfig.js';

const ANSWER_TIMEOUT_MS = 2_000;
const RETRY_MS = 10;

export interface PostgresTarget {
  readonly port: number;
  readonly password: string;
  readonly database: string;
}

export type Row = Readonly<Record<string, unknown>>;
export type Ask = (sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export function postgresUrl(target: PostgresTarget): string {
  return `postgres://${OWNER_ROLE}:${target.password}@127.0.0.1:${target.port}/${target.database}`;
}

/** Runs `work` on one connection of its own. `timeoutMs` bounds each answer; 0 means no bound. */
export async function withConnection<T>(
  target: PostgresTarget,
  work: (ask: Ask) => Promise<T>,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<T> {
  const client = newClient(target, timeoutMs);
  try {
    await client.connect();
    return await work(async (sql, values) => (await client.query<Row>(sql, values && [...values])).rows);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Connects every 10 ms until the database answers a query. Gives up when the signal aborts, or on a wrong password. */
export async function waitForPostgres(target: PostgresTarget, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await withConnection(target, (ask) => ask('select 1'));
      return;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === '28P01') {
        throw new PostgresUnusableError('The data folder and the home state disagree about the password.', {
          cause: error,
        });
      }
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}

/** Why a question got no answer; see `StandbySilence`. */
export type NoAnswer = 'refused' | 'starting' | 'silent' | 'failing';
export type PatientAnswer = { readonly rows: readonly Row[] } | { readonly none: NoAnswer };

/** A connection is used for so many questions: a server that only its old connections still reach is frozen for everybody else. */
const QUESTIONS_PER_CONNECTION = 10;

/** A connection kept between rare questions: logging in costs more than asking. Lost ones are made anew. */
export class PatientConnection {
  readonly #target: PostgresTarget;
  #client: pg.Client | undefined;
  #questions = 0;
  #abandon: (() => void) | undefined;

  constructor(target: PostgresTarget) {
    this.#target = target;
  }

  /** The rows, or why there are none: the server does not answer now, or `close` was called meanwhile. Never throws. */
  async ask(sql: string): Promise<PatientAnswer> {
    // `pg` never settles a connect() that end() interrupts, so closing must settle the question itself.
    const abandoned = new Promise<PatientAnswer>((resolve) => {
      this.#abandon = () => resolve({ none: 'silent' });
    });
    return Promise.race([this.#query(sql), abandoned]);
  }

  /** Does not wait: the server may be frozen. */
  close(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#questions = 0;
    client?.end().catch(() => undefined);
    this.#abandon?.();
  }

  async #query(sql: string): Promise<PatientAnswer> {
    const known = this.#client;
    const client = known ?? newClient(this.#target, ANSWER_TIMEOUT_MS);
    this.#client = client;
    try {
      if (known === undefined) await client.connect();
      const { rows } = await client.query<Row>(sql);
      this.#questions += 1;
      if (this.#questions >= QUESTIONS_PER_CONNECTION && this.#client === client) this.#forget(client);
      return { rows };
    } catch (error) {
      if (this.#client === client) this.#forget(client);
      return { none: noAnswerOf(error) };
    }
  }

  #forget(client: pg.Client): void {
    this.#client = undefined;
    this.#questions = 0;
    client.end().catch(() => undefined);
  }
}

function noAnswerOf(error: unknown): NoAnswer {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '57P03') return 'starting';
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P01' || code === '57P02')
    return 'refused';
  return /timeout|timed out/i.test(error instanceof Error ? error.message : '') ? 'silent' : 'failing';
}

function newClient(target: PostgresTarget, timeoutMs: number): pg.Client {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: target.port,
    user: OWNER_ROLE,
    password: target.password,
    database: target.database,
    application_name: 'spark_launcher',
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    ...(timeoutMs === 0 ? {} : { query_timeout: timeoutMs }),
  });
  client.on('error', () => undefined); // a server that goes away is seen at the next question
  return client;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection, headers as natsHeaders } from 'nats';
import pg from 'pg';
import { expect } from 'vitest';

/** `$SPARK_HOME/endpoints.json`, product.md section 9. */
export interface Endpoints {
  readonly http: string;
  readonly token: string;
  readonly nats: string;
  readonly natsUser: string;
  readonly natsPassword: string;
  readonly natsInboxPrefix: string;
  readonly postgres: string;
  readonly replica: string;
  readonly unityMcp: string;
  readonly unitySimulator: string;
  readonly unityProjects: Record<string, string>;
  readonly effectLog: string;
  readonly cvService: string | null;
  readonly asrService: string | null;
  readonly pids: {
    readonly main: number;
    readonly nats: number;
    readonly postgres: number;
    readonly replica: number;
    readonly simulator: number;
    /** Null where they are switched off or both URLs are configured. */
    readonly services: number | null;
  };
}

export interface Effect {
  readonly n: number;
  readonly editor: string;
  readonly tool: string;
  readonly path: string;
  readonly beforeSha: string | null;
  readonly afterSha: string | null;
  readonly commandId: string | null;
  readonly attempt: number | null;
}

const BIN = fileURLToPath(new URL('../../bin/spark.js', import.meta.url));

/** A folder for one home, removed by `removeHome`; traversable, because Postgres drops root. */
export function newHome(): string {
  const dir = mkdtempSync(join(tmpdir(), 'spark-e2e-'));
  chmodSync(dir, 0o755);
  return join(dir, 'home');
}

export function removeHome(home: string): void {
  rmSync(join(home, '..'), { recursive: true, force: true });
}

/**
 * A SPARK as a user starts it: its own process, real servers, one home. What it prints is kept in `output`. Every client below
 * speaks from outside: HTTP, plain NATS, SQL on the standby, the simulator's control.
 */
export class Spark {
  readonly home: string;
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output = '';
  #endpoints: Endpoints | undefined;
  #nats: NatsConnection | undefined;
  readonly #pools = new Map<string, pg.Pool>();
  /** Folders of the editors that were added since the start: `endpoints.json` may learn of them only when a daemon is restarted. */
  readonly #projects = new Map<string, string>();

  private constructor(home: string, child: ChildProcess) {
    this.home = home;
    this.child = child;
    const keep = (chunk: Buffer) => {
      this.output += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  /** Starts the process and does not wait for anything. */
  static launch(options: { home: string; env?: Record<string, string>; args?: string[] }): Spark {
    const child = spawn(process.execPath, [BIN, 'start', ...(options.args ?? ['--no-demo'])], {
      env: {
        ...process.env,
        SPARK_HOME: options.home,
        SPARK_LOG_LEVEL: 'info',
        NO_COLOR: '1',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Spark(options.home, child);
  }

  /** Starts it and waits until `endpoints.json` says that it is ready. */
  static async start(options: {
    home: string;
    env?: Record<string, string>;
    args?: string[];
  }): Promise<Spark> {
    const spark = Spark.launch(options);
    await spark.ready();
    return spark;
  }

  async ready(): Promise<void> {
    let exited = false;
    void this.exited.then(() => {
      exited = true;
    });
    await eventually(
      () => {
        if (exited) throw new Stop(`spark ended before it was ready:\n${this.output}`);
        // A run that was killed leaves its file behind until the next one removes it.
        if (this.readEndpoints().pids.main !== this.child.pid) throw new Error('the file of an earlier run');
      },
      { timeoutMs: 90_000 },
    );
  }

  /** The file as it is now: pids change when a daemon is restarted. */
  readEndpoints(): Endpoints {
    this.#endpoints = JSON.parse(readFileSync(join(this.home, 'endpoints.json'), 'utf8')) as Endpoints;
    return this.#endpoints;
  }

  get endpoints(): Endpoints {
    return this.#endpoints ?? this.readEndpoints();
  }

  /** A plain NATS client with the published user: no SPARK code. */
  async nats(): Promise<NatsConnection> {
    const { nats, natsUser, natsPassword, natsInboxPrefix } = this.endpoints;
    this.#nats ??= await connect({
      servers: nats.split(','),
      user: natsUser,
      pass: natsPassword,
      inboxPrefix: natsInboxPrefix,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    return this.#nats;
  }

  /** Publishes one command as any NATS client does and waits for JetStream's own PubAck. */
  async publish(
    address: { editor?: string; type: string; session: string },
    payload: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ stream: string; seq: number; duplicate?: boolean }> {
    const subject = `spark.commands.${address.editor ?? 'default'}.${address.type}.${address.session}`;
    return this.publishRaw(
      subject,
      typeof payload === 'string' || payload instanceof Uint8Array ? payload : JSON.stringify(payload),
      headers,
    );
  }

  async publishRaw(subject: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
    const map = natsHeaders();
    for (const [name, value] of Object.entries(headers)) map.set(name, value);
    const reply = await (await this.nats()).request(subject, body, { headers: map, timeout: 10_000 });
    const ack = reply.json<{
      stream: string;
      seq: number;
      duplicate?: boolean;
      error?: { description: string; err_code: number };
    }>();
    if (ack.error) throw new Error(`${ack.error.description} (${ack.error.err_code})`);
    return ack;
  }

  /** One HTTP call with the token; JSON in, JSON (or text) out. */
  async http(
    path: string,
    init: { method?: string; body?: unknown; headers?: Record<string, string>; token?: string | null } = {},
  ) {
    const token = init.token === undefined ? this.endpoints.token : init.token;
    const response = await fetch(`${this.endpoints.http}${path}`, {
      method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...init.headers,
      },
      ...(init.body === undefined
        ? {}
        : { body: typeof init.body === 'string' ? init.body : JSON.stringify(init.body) }),
    });
    const text = await response.text();
    const body: unknown = /\/(?:[\w.-]+\+)?json\b/.test(response.headers.get('content-type') ?? '')
      ? JSON.parse(text)
      : text;
    return { status: response.status, headers: response.headers, body: body as Record<string, unknown> };
  }

  /** Submits over HTTP and waits for the end (200), the conflict (409) or the timeout (202). */
  submitAndWait(
    command: { type: string; sessionId: string; payload: unknown; editor?: string; idempotencyKey?: string },
    seconds = 60,
  ) {
    return this.http('/v1/commands', { body: command, headers: { prefer: `wait=${seconds}` } });
  }

  /** SQL as the read-only dashboard role. */
  async sql<Row extends pg.QueryResultRow = Record<string, unknown>>(
    query: string,
    values: unknown[] = [],
    server: 'replica' | 'postgres' = 'replica',
  ): Promise<Row[]> {
    const url = this.endpoints[server];
    let pool = this.#pools.get(url);
    if (!pool) {
      pool = new pg.Pool({ connectionString: url, max: 2 });
      pool.on('error', () => undefined);
      this.#pools.set(url, pool);
    }
    return (await pool.query<Row>(query, values)).rows;
  }

  /** The command's row on the standby once `accept` holds for it. */
  async command(
    commandId: string,
    accept: (row: Record<string, unknown>) => boolean = (row) =>
      !['accepted', 'started'].includes(String(row['state'])),
  ) {
    return eventually(
      async () => {
        const [row] = await this.sql('SELECT * FROM spark_commands WHERE command_id = $1', [commandId]);
        expect(row, `command ${commandId} on the standby`).toBeDefined();
        expect(
          accept(row as Record<string, unknown>),
          `command ${commandId} is ${String(row?.['state'])}`,
        ).toBe(true);
        return row as Record<string, unknown>;
      },
      { timeoutMs: 60_000 },
    );
  }

  async effects(after = 0): Promise<Effect[]> {
    const response = await fetch(`${this.endpoints.unitySimulator}/sim/effects?after=${after}`);
    return ((await response.json()) as { effects: Effect[] }).effects;
  }

  /** The simulator's control, e.g. `sim('faults', {editor: 'default', tool: '*', fault: 'busy', count: 2})`. */
  async sim(route: string, body?: unknown, method = 'POST'): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.endpoints.unitySimulator}/sim/${route}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    const { editor } = (body ?? {}) as { editor?: unknown };
    if (route === 'editors' && typeof editor === 'string' && typeof answer['project'] === 'string')
      this.#projects.set(editor, answer['project']);
    return answer;
  }

  /** The folder of an editor's project. */
  project(editor = 'default'): string {
    const folder = this.#projects.get(editor) ?? this.readEndpoints().unityProjects[editor];
    if (folder === undefined) throw new Error(`nobody knows the project of ${editor}`);
    return folder;
  }

  /** A file of an editor's project, as it lies on disk; undefined when it is not there. */
  file(path: string, editor = 'default'): Buffer | undefined {
    const folder = this.project(editor);
    try {
      return readFileSync(join(folder, path));
    } catch {
      return undefined;
    }
  }

  /** Ctrl-C, and waits for the end. */
  async stop(
    signal: NodeJS.Signals = 'SIGINT',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    await this.closeClients();
    this.child.kill(signal);
    return this.exited;
  }

  async kill9(): Promise<void> {
    await this.closeClients();
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async closeClients(): Promise<void> {
    await this.#nats?.close();
    this.#nats = undefined;
    for (const pool of this.#pools.values()) await pool.end();
    this.#pools.clear();
  }
}

/** Thrown inside `eventually` to end the wait at once. */
export class Stop extends Error {}

/** What has not happened by then never will: a busy machine is no reason to fail. */
const PATIENCE_MS = 60_000;

/** Asks again until the question no longer throws; fails with its last error after the timeout. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + (options.timeoutMs ?? PATIENCE_MS);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Stop || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 50));
  }
}

/** Whether a process of that pid is there. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { History, ProcessEntry } from '../history.js';
import type { ControlledProcess, ProcessKind } from '../ports.js';

const RETRY_START_MS = 250;

/** What starts and ends the real thing: src/embedded's supervisors have this shape. */
export interface Daemon {
  readonly pid: number | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Returns the wait for "it works again"; see `ControlledProcess.watchRecovery`. */
export type RecoveryWatch = () => Promise<((signal: AbortSignal) => Promise<void>) | undefined>;

/** A daemon as nemeses see it: by name, killed for certain, down until somebody starts it. */
export class ManagedProcess implements ControlledProcess {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly watchRecovery: RecoveryWatch;
  readonly #daemon: Daemon;
  readonly #history: History;
  #paused: number | undefined;
  #serves = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly name: string;
    readonly kind: ProcessKind;
    readonly daemon: Daemon;
    readonly history: History;
    readonly watchRecovery: RecoveryWatch;
  }) {
    this.name = options.name;
    this.kind = options.kind;
    this.#daemon = options.daemon;
    this.#history = options.history;
    this.watchRecovery = options.watchRecovery;
  }

  get pid(): number | undefined {
    return this.#daemon.pid;
  }

  /** Up (it has said that it serves) and not stopped by a signal. */
  get awake(): boolean {
    return this.#serves && this.#paused === undefined;
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#daemon.pid === undefined) this.#tell('start');
    for (;;) {
      try {
        await this.#daemon.start();
        this.#tell('ready');
        return;
      } catch (error) {
        // What it needs may be down itself just now.
        this.#tell('exit', { failed: firstLine(error) });
      }
      await sleep(RETRY_START_MS, undefined, { signal });
    }
  }

  async stop(): Promise<void> {
    const { pid } = this;
    await this.#daemon.stop();
    if (pid !== undefined) this.#tell('exit', { asked: true }, pid);
  }

  async kill(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined && signalled(pid, 'SIGKILL')) this.#tell('kill', undefined, pid);
    // Its supervisor must not start it: when that happens is the nemesis's to say.
    await this.#daemon.stop();
  }

  pause(): void {
    const { pid } = this;
    if (pid === undefined || !signalled(pid, 'SIGSTOP')) return;
    this.#paused = pid;
    this.#tell('pause', undefined, pid);
  }

  resume(): void {
    const pid = this.#paused;
    this.#paused = undefined;
    // A pid that is not its own any more may be a stranger's.
    if (pid === undefined || pid !== this.pid || !signalled(pid, 'SIGCONT')) return;
    this.#tell('resume', undefined, pid);
  }

  async exclusively(work: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const before = this.#turn;
    let done = (): void => undefined;
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      if (signal.aborted) return false;
      await work();
      return true;
    } finally {
      done();
    }
  }

  /** For a supervisor's own word: it ended unasked, and runs again. */
  readonly onExit = (exit: {
    readonly code: number | null;
    readonly signal: string | null;
    readonly error?: Error;
  }): void =>
    this.#tell('exit', {
      code: exit.code,
      signal: exit.signal,
      ...(exit.error ? { error: firstLine(exit.error) } : {}),
    });

  readonly onRestart = (): void => this.#tell('ready', { byItself: true });

  #tell(phase: ProcessEntry['phase'], detail?: unknown, pid = this.pid): void {
    if (phase === 'ready') this.#serves = true;
    if (phase === 'kill' || phase === 'exit') this.#serves = false;
    this.#history.write({ kind: 'process', phase, name: this.name, role: this.kind, pid, detail });
  }
}

function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').slice(0, 3).join(' | ');
}

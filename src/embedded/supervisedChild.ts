/**
 * A daemon we keep alive: started under a dead-man watcher in its own session (so that Ctrl-C in the terminal does
 * not reach it before we have drained), restarted with a small backoff when it ends unasked, stopped by escalating
 * signals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import { type ChildLog, openChildLog } from './childLog.js';
import { DAEMON_ENDED, DEAD_MAN_FD, deadManArguments } from './deadMan.js';
import { ChildStartError } from './errors.js';
import type { UserIds } from './runAs.js';
import { forgetChild, recordChild, type StopSignal, stopSurvivor } from './survivors.js';

const LOG_LIMIT_BYTES = 8 * 1024 * 1024;
const LOG_CHECK_INTERVAL_MS = 10_000;
const READY_TIMEOUT_MS = 60_000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_LIMIT_MS = 5_000;
const STEADY_AFTER_MS = 10_000;
const WATCHER_GONE_TIMEOUT_MS = 1_000;

export interface ChildSpec {
  /** Unique in its home, e.g. `nats`. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly runAs?: UserIds | undefined;
  /** Tried in order, `stopStepMs` apart; SIGKILL follows by itself. */
  readonly stopSignals: readonly StopSignal[];
  readonly stopStepMs: number;
  /** Folder of the pid files: what `openHome` looks through for survivors. */
  readonly runDir: string;
  readonly logFile: string;
  readonly logLimitBytes?: number;
  readonly readyTimeoutMs?: number;
  /** Runs before each start, the first and every restart. */
  readonly beforeStart?: () => Promise<void>;
  /** Resolves when the daemon serves. Must give up (reject) when the signal aborts. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  /** The daemon ended unasked, or a restart failed (`error`). A restart follows. */
  readonly onExit?: ((exit: ChildExit) => void) | undefined;
  /** The daemon serves again under a new pid. */
  readonly onRestart?: ((pid: number) => void) | undefined;
}

export interface ChildExit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: Error;
}

interface Launched {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
}

interface Run {
  readonly abort: AbortController;
  readonly firstReady: Promise<void>;
  readonly done: Promise<void>;
}

export class SupervisedChild {
  readonly #spec: ChildSpec;
  readonly #log: ChildLog;
  #run: Run | undefined;
  #pid: number | undefined;

  constructor(spec: ChildSpec) {
    this.#spec = spec;
    this.#log = openChildLog(spec.logFile, spec.logLimitBytes ?? LOG_LIMIT_BYTES);
  }

  /** The pid while the daemon runs. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts the daemon and waits until it serves. Idempotent. @throws ChildStartError */
  start(): Promise<void> {
    if (this.#run !== undefined) return this.#run.firstReady;
    const abort = new AbortController();
    let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
    const firstReady = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const done = this.#keepAlive(abort.signal, () => settle?.resolve()).catch((error: unknown) => {
      this.#run = undefined;
      settle?.reject(error);
    });
    this.#run = { abort, firstReady, done };
    return firstReady;
  }

  /** Stops the daemon and waits until it is gone. Idempotent; `start` may follow. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    run.abort.abort();
    await run.done;
    if (this.#run === run) this.#run = undefined;
  }

  /** Rejects only when the very first start fails. */
  async #keepAlive(signal: AbortSignal, onFirstReady: () => void): Promise<void> {
    const logCheck = setInterval(() => this.#log.trim(), LOG_CHECK_INTERVAL_MS).unref();
    try {
      let failures = 0;
      let launched: Launched | undefined = await this.#launch(signal);
      onFirstReady();
      while (!signal.aborted) {
        if (launched !== undefined) {
          const since = performance.now();
          const exit = await launched.exited;
          this.#pid = undefined;
          if (signal.aborted) return;
          if (performance.now() - since > STEADY_AFTER_MS) failures = 0;
          this.#spec.onExit?.(exit);
        }
        await sleep(backoffMs(failures), undefined, { signal }).catch(() => undefined);
        failures += 1;
        if (!signal.aborted) launched = await this.#relaunch(signal);
      }
      await launched?.exited;
    } finally {
      clearInterval(logCheck);
      this.#pid = undefined;
    }
  }

  async #relaunch(signal: AbortSignal): Promise<Launched | undefined> {
    try {
      const launched = await this.#launch(signal);
      this.#spec.onRestart?.(launched.pid);
      return launched;
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      if (!signal.aborted)
        this.#spec.onExit?.({ name: this.#spec.name, code: null, signal: null, error: cause });
      return undefined;
    }
  }

  async #launch(signal: AbortSignal): Promise<Launched> {
    const { name, runDir, readyTimeoutMs = READY_TIMEOUT_MS } = this.#spec;
    await stopSurvivor(runDir, name);
    await this.#spec.beforeStart?.();
    signal.throwIfAborted();
    const child = this.#spawn();
    const exited = this.#watch(child, signal);
    if (child.pid === undefined)
      throw new ChildStartError(name, (await exited).error?.message ?? 'spawn failed', '');
    this.#pid = child.pid;
    recordChild(runDir, name, child.pid, this.#spec.stopSignals);
    const giveUp = new AbortController();
    const limit = deadline(systemClock, readyTimeoutMs, signal, giveUp.signal);
    const ready = this.#spec.ready(limit.signal);
    const failure = await Promise.race([ready.then(noFailure, toError), exited]);
    // Told to give up before the signal is let go, or it would wait for ever.
    if (failure !== undefined) giveUp.abort();
    limit.clear();
    if (failure === undefined) return { pid: child.pid, exited };
    await Promise.all([endChild(child, exited, this.#spec), ready.catch(() => undefined)]);
    this.#pid = undefined;
    signal.throwIfAborted();
    throw new ChildStartError(name, describeFailure(failure, limit.expired()), this.#log.tail(), {
      cause: failure instanceof Error ? failure : undefined,
    });
  }

  #spawn(): ChildProcess {
    const { command, stopSignals, stopStepMs, env, cwd, runAs } = this.#spec;
    const log = this.#log.open();
    try {
      return spawn('/bin/sh', deadManArguments(command, stopSignals, stopStepMs), {
        cwd,
        env: { ...env },
        detached: true,
        stdio: ['ignore', log.fd, log.fd, 'pipe'],
        ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
      });
    } finally {
      log.close();
    }
  }

  /** Resolves when the daemon and its watcher are gone. Ends the daemon when `signal` aborts. */
  async #watch(child: ChildProcess, signal: AbortSignal): Promise<ChildExit> {
    const { name, runDir } = this.#spec;
    const pipe = child.stdio[DEAD_MAN_FD];
    pipe?.on('error', () => undefined); // the watcher may be gone before our last line
    if (pipe !== null && pipe !== undefined && 'resume' in pipe) pipe.resume();
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const ended = new Promise<ChildExit>((resolve) => {
      child.once('exit', (code, killedBy) => resolve({ name, code, signal: killedBy }));
      child.once('error', (error) => resolve({ name, code: null, signal: null, error }));
    });
    const onAbort = (): void => {
      void endChild(child, ended, this.#spec);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const exit = await ended;
    signal.removeEventListener('abort', onAbort);
    if (pipe !== null && pipe !== undefined && 'end' in pipe) pipe.end(DAEMON_ENDED);
    if (child.pid !== undefined) forgetChild(runDir, name);
    const patience = new AbortController();
    const timeout = sleep(WATCHER_GONE_TIMEOUT_MS, undefined, { signal: patience.signal }).catch(
      () => undefined,
    );
    await Promise.race([closed, timeout]);
    patience.abort();
    pipe?.destroy();
    return exit;
  }
}

async function endChild(child: ChildProcess, ended: Promise<unknown>, spec: ChildSpec): Promise<void> {
  const gone = new AbortController();
  const end = ended.then(() => gone.abort());
  for (const stopSignal of [...spec.stopSignals, 'SIGKILL' as const]) {
    if (gone.signal.aborted || child.pid === undefined) break;
    child.kill(stopSignal);
    await sleep(spec.stopStepMs, undefined, { signal: gone.signal }).catch(() => undefined);
  }
  await end;
}

function backoffMs(failures: number): number {
  return Math.min(BACKOFF_LIMIT_MS, failures === 0 ? 0 : BACKOFF_FIRST_MS * 2 ** (failures - 1));
}

function noFailure(): undefined {
  return undefined;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function describeFailure(failure: Error | ChildExit, timedOut: boolean): string {
  if (timedOut) return 'it did not become ready in time';
  if (failure instanceof Error) return failure.message;
  if (failure.error !== undefined) return failure.error.message;
  return failure.signal === null ? `it ended with code ${failure.code}` : `it was ended by ${failure.signal}`;
}

import { type Clock, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import { Hysteresis } from '../core/hysteresis.js';
import type { Service } from '../core/service.js';
import { within } from '../core/within.js';
import type { ReadSource } from '../http/readPort.js';
import type { Logger } from '../observability/logger.js';
import type { PostgresPools } from '../postgres/pools.js';
import { LogMarks } from '../projections/logMarks.js';
import { type ServerSample, sampleServer } from '../projections/serverSample.js';
import type { ServerState } from './planReads.js';

const SAMPLE_EVERY_MS = 500;
/** A server that has not answered a sample by then is late: refused, frozen and cut off are the same to a reader. */
const ANSWER_MS = 1_000;
/** Late for so long, it is away: a machine that is merely busy has answered by then. */
const AWAY_AFTER_MS = 3_000;

export interface ServerWatchOptions {
  readonly pools: PostgresPools;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** The newest event of the log that this process knows of. */
  readonly logEndSeq: () => number;
  /** A replica further behind its primary than this is not asked while the primary answers. */
  readonly maxLagMs: number;
}

interface Watched {
  readonly name: ReadSource;
  up: boolean;
  /** When it was found late. */
  downAtMs: number;
  sample: ServerSample | undefined;
  /** Who waits for an answer of it, and is told when it is found away. */
  readonly onDown: Set<() => void>;
  /** Ends the wait for the next sample. */
  wake: AbortController;
}

/**
 * Asks primary and replica twice a second where they stand, so that no read has to find out by waiting that one of them is away. A
 * server that nobody has asked yet counts as up.
 */
export class ServerWatch implements Service {
  readonly name = 'server-watch';
  readonly #options: ServerWatchOptions;
  readonly #servers: Readonly<Record<ReadSource, Watched>>;
  /** Ends of the log, and of what the primary shows of it. */
  readonly #log = new LogMarks();
  readonly #primary = new LogMarks();
  readonly #tooFar: Hysteresis;
  #stop: AbortController | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
    this.#servers = { primary: watched('primary'), replica: watched('replica') };
    this.#tooFar = new Hysteresis(options.maxLagMs, options.maxLagMs / 2);
  }

  start(): Promise<void> {
    if (this.#running === undefined) {
      this.#stop = new AbortController();
      const { signal } = this.#stop;
      this.#running = Promise.all(this.#names.map((name) => this.#watch(this.#servers[name], signal)));
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    for (const { wake } of Object.values(this.#servers)) wake.abort();
    await this.#running;
    this.#running = undefined;
  }

  isUp(server: ReadSource): boolean {
    return this.#servers[server].up;
  }

  state(server: ReadSource): ServerState {
    const { up, downAtMs } = this.#servers[server];
    if (up) return 'up';
    return this.#options.clock.monotonicMs() - downAtMs < AWAY_AFTER_MS ? 'late' : 'away';
  }

  /** What the server answered last; undefined while it is away. */
  sample(server: ReadSource): ServerSample | undefined {
    const { up, sample } = this.#servers[server];
    return up ? sample : undefined;
  }

  /** Calls `tell` when the server is found away (at once when it is), so that nobody waits for it any longer. Returns the unsubscribe. */
  onDown(server: ReadSource, tell: () => void): () => void {
    const { up, onDown } = this.#servers[server];
    if (!up) tell();
    else onDown.add(tell);
    return () => onDown.delete(tell);
  }

  /** A read lost its connection: look now instead of at the next turn. */
  doubt(server: ReadSource): void {
    this.#servers[server].wake.abort();
  }

  /** How long the oldest thing that the primary shows has been missing on the replica; undefined while the replica is away. */
  replicaLagMs(): number | undefined {
    const sample = this.sample('replica');
    return sample && this.#primary.behindMs(sample.appliedSeq, this.#options.clock.monotonicMs());
  }

  /** Whether reads had better go to the primary; flips back at half the limit. */
  replicaIsBehind(): boolean {
    return this.#tooFar.update(this.replicaLagMs() ?? 0);
  }

  /** How long what rows up to `appliedSeq` do not show has been in the log, at most; 0 when they show all of it. */
  lagMs(appliedSeq: number, lastTsMs: number | null): number {
    const { clock, logEndSeq } = this.#options;
    this.#log.see(logEndSeq(), clock.monotonicMs());
    const seenMs = this.#log.behindMs(appliedSeq, clock.monotonicMs());
    return lastTsMs === null ? seenMs : Math.min(seenMs, Math.max(0, clock.nowMs() - lastTsMs));
  }

  get #names(): readonly ReadSource[] {
    return this.#options.pools.hasReplica ? ['primary', 'replica'] : ['primary'];
  }

  async #watch(server: Watched, signal: AbortSignal): Promise<void> {
    const { pools, clock } = this.#options;
    while (!signal.aborted) {
      server.wake = new AbortController();
      try {
        this.#answered(server, await within(clock, ANSWER_MS, sampleServer(pools[server.name])));
      } catch (error) {
        if (!signal.aborted) this.#silent(server, error);
      }
      if (!signal.aborted) await pause(clock, SAMPLE_EVERY_MS, server.wake.signal);
    }
  }

  #answered(server: Watched, sample: ServerSample): void {
    const { clock, logger, logEndSeq } = this.#options;
    const nowMs = clock.monotonicMs();
    server.sample = sample;
    this.#log.see(Math.max(logEndSeq(), sample.appliedSeq), nowMs);
    if (server.name === 'primary') this.#primary.see(sample.appliedSeq, nowMs);
    const slowest = Math.min(...this.#names.map((name) => this.#servers[name].sample?.appliedSeq ?? 0));
    for (const marks of [this.#log, this.#primary]) marks.forgetBefore(slowest);
    if (server.up) return;
    server.up = true;
    logger.info({ server: server.name }, `the ${server.name} answers again`);
  }

  #silent(server: Watched, error: unknown): void {
    if (!server.up) return;
    server.up = false;
    server.downAtMs = this.#options.clock.monotonicMs();
    const waiting = [...server.onDown];
    server.onDown.clear();
    for (const tell of waiting) tell();
    const { logger, pools } = this.#options;
    const other = server.name === 'primary' ? 'replica' : 'primary';
    const instead = pools.hasReplica ? `reads go to the ${other}` : 'nothing can be read until it is back';
    logger.warn(
      { server: server.name, error: messageOf(error) },
      `the ${server.name} does not answer: ${instead}`,
    );
  }
}

function watched(name: ReadSource): Watched {
  return {
    name,
    up: true,
    downAtMs: 0,
    sample: undefined,
    onDown: new Set(),
    wake: new AbortController(),
  };
}

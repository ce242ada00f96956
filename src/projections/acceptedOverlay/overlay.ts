import type pg from 'pg';
import { type Clock, pause } from '../../core/clock.js';
import type { Service } from '../../core/service.js';
import { classifyPostgresError } from '../../postgres/errors.js';
import type { Queryable } from '../../postgres/transaction.js';
import { OVERLAY_CHECKPOINT, readCheckpoint, resetCheckpoint } from '../checkpoint.js';
import { SourceEndedError } from '../errors.js';
import { PersistentService, type ServiceState } from '../persistentService.js';
import type { AcceptedCommand, CommandSource } from '../ports.js';
import { PendingCommands } from './pending.js';
import { insertAccepted, sweepAccepted } from './write.js';

const TICK_MS = 100;
/** Rows of started commands are hidden by the view at once, so removing them can wait. */
const SWEEP_EVERY_MS = 2_000;
const CHECKPOINT_EVERY_MS = 5_000;
const INSERT_MAX_ROWS = 1_000;
/** At 10,000 commands a second the hold takes 2,500; above the limit reading waits. About 1 KB each. */
const PENDING_MAX = 20_000;

export interface OverlayOptions {
  /** As `spark_projector`. */
  readonly pool: pg.Pool;
  readonly source: CommandSource;
  readonly clock: Clock;
  readonly onTick?: (stats: { readonly pending: number; readonly inserted: number }) => void;
  readonly onError: (error: unknown) => void;
  readonly onFatal: (error: unknown) => void;
  readonly onState?: ((state: ServiceState) => void) | undefined;
}

export interface Overlay extends Service {
  readonly state: ServiceState;
  /** Commands that the projector of this process has written (its `onCommands`): spares the question to Postgres. */
  seen(commandIds: readonly string[]): void;
}

/** Shows commands that were accepted and wait for their editor as `accepted` in `spark_commands`. */
export function createOverlay(options: OverlayOptions): Overlay {
  let pending: PendingCommands | undefined;
  const service = new PersistentService({
    name: 'accepted-overlay',
    clock: options.clock,
    onError: options.onError,
    onFatal: options.onFatal,
    onState: options.onState,
    session: async (signal, tell) => {
      const { source, pool } = options;
      const streamCreated = await source.created();
      pending = new PendingCommands(await openPosition(pool, streamCreated));
      tell('working');
      await new OverlaySession(options, pending, streamCreated).run(signal);
    },
  });
  return {
    name: service.name,
    get state() {
      return service.state;
    },
    start: () => service.start(),
    stop: () => service.stop(),
    seen(commandIds) {
      if (pending === undefined || pending.size === 0) return;
      for (const commandId of commandIds) pending.drop(commandId);
    },
  };
}

/** Where to read on. Commands of another stream will never start here: their rows go. */
async function openPosition(db: Queryable, streamCreated: string): Promise<number> {
  const found = await readCheckpoint(db, OVERLAY_CHECKPOINT);
  if (found?.streamCreated === streamCreated) return found.lastSeq;
  await db.query('DELETE FROM spark.accepted_overlay');
  await resetCheckpoint(db, OVERLAY_CHECKPOINT, streamCreated);
  return 0;
}

class OverlaySession {
  readonly #options: OverlayOptions;
  readonly #pending: PendingCommands;
  readonly #streamCreated: string;
  #readFailure: unknown;
  #savedSeq: number;
  #savedAtMs = 0;
  #sweptAtMs = 0;
  #rowsLeft = true;

  constructor(options: OverlayOptions, pending: PendingCommands, streamCreated: string) {
    this.#options = options;
    this.#pending = pending;
    this.#streamCreated = streamCreated;
    this.#savedSeq = pending.settledSeq();
  }

  async run(signal: AbortSignal): Promise<void> {
    const reading = new AbortController();
    const onAbort = (): void => reading.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) reading.abort();
    const read = this.#read(reading.signal);
    try {
      while (!signal.aborted) {
        if (this.#readFailure !== undefined) throw this.#readFailure;
        await this.#tick();
        await pause(this.#options.clock, TICK_MS, signal);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      reading.abort();
      await read;
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options;
    try {
      for await (const command of source.read(this.#pending.settledSeq(), signal)) {
        this.#pending.add(command, clock.monotonicMs());
        while (this.#pending.size >= PENDING_MAX && !signal.aborted) await pause(clock, TICK_MS, signal);
        if (signal.aborted) return;
      }
      if (!signal.aborted) throw new SourceEndedError('the reader of the command stream ended by itself');
    } catch (error) {
      this.#readFailure = error;
    }
  }

  async #tick(): Promise<void> {
    const { pool, clock, onTick } = this.#options;
    const nowMs = clock.monotonicMs();
    let inserted = 0;
    for (let due = this.#due(nowMs); due.length > 0; due = this.#due(nowMs)) {
      inserted += await this.#insert(due);
      for (const command of due) this.#pending.drop(command.commandId);
    }
    if (inserted > 0) this.#rowsLeft = true;
    if (this.#rowsLeft && nowMs - this.#sweptAtMs >= SWEEP_EVERY_MS) {
      this.#sweptAtMs = nowMs;
      this.#rowsLeft = (await sweepAccepted(pool)) > 0;
    }
    await this.#savePosition(nowMs);
    onTick?.({ pending: this.#pending.size, inserted });
  }

  #due(nowMs: number): readonly AcceptedCommand[] {
    return this.#pending.due(nowMs, INSERT_MAX_ROWS);
  }

  /** A command that Postgres refuses does without a row: its events will tell of it. */
  async #insert(commands: readonly AcceptedCommand[]): Promise<number> {
    try {
      return await insertAccepted(this.#options.pool, commands);
    } catch (error) {
      if (classifyPostgresError(error) !== 'data') throw error;
      if (commands.length === 1) {
        this.#options.onError(error);
        return 0;
      }
      const half = commands.length >> 1;
      return (await this.#insert(commands.slice(0, half))) + (await this.#insert(commands.slice(half)));
    }
  }

  async #savePosition(nowMs: number): Promise<void> {
    const settled = this.#pending.settledSeq();
    if (settled <= this.#savedSeq || nowMs - this.#savedAtMs < CHECKPOINT_EVERY_MS) return;
    // Rows are written before the position that follows them: a crash between writes them again, to no effect.
    await this.#options.pool.query(
      'UPDATE spark.checkpoints SET last_seq = greatest(last_seq, $2) WHERE name = $1 AND stream_created = $3',
      [OVERLAY_CHECKPOINT, settled, this.#streamCreated],
    );
    this.#savedSeq = settled;
    this.#savedAtMs = nowMs;
  }
}

/**
 * What the editors really did, kept outside the system under test: one JSON line an effect, numbered 1, 2, 3 … without
 * gaps, on disk (fsync) before anyone is told that the effect happened.
 *
 * A kill can fall between the change on disk and its line in the log. So the line is first put into a slot file, then
 * the change is made, then the line is appended; at start a slot that is one ahead of the log is settled by looking
 * at the file (`settle`). All three happen in one turn of the event loop, so at most one line is ever in doubt.
 */
import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { hasErrno, SimulatorError } from './errors.js';

/** One line of the log. `at` is ISO 8601; the shas are SHA-256 of the file's bytes, null where there is no file. */
export interface Effect {
  readonly n: number;
  readonly at: string;
  readonly editor: string;
  readonly tool: string;
  readonly path: string | null;
  readonly beforeSha: string | null;
  readonly afterSha: string | null;
  readonly commandId: string | null;
  readonly attempt: number | null;
}

export type NewEffect = Omit<Effect, 'n' | 'at'>;

export interface EffectLog {
  /** Makes the change and logs it, both now; call {@link EffectLog.flushed} before telling anyone. */
  commit(effect: NewEffect, change: () => void): Effect;
  /** Resolves when everything committed so far is on disk. */
  flushed(): Promise<void>;
  /** Effects with `n` greater than `after`, oldest first, at most `limit`. */
  after(after: number, limit: number): Effect[];
  /** The highest number so far, 0 for an empty log. */
  last(): number;
  close(): void;
}

export interface EffectLogOptions {
  readonly file: string;
  readonly fsync: boolean;
  readonly now: () => Date;
  /** Decides at start whether an effect that was about to be logged when the process died has happened. */
  readonly settle: (effect: Effect) => boolean;
}

const fdatasyncAsync = promisify(fdatasync);
const READ_CHUNK_BYTES = 1 << 20;
const INDEX_EVERY_LINES = 512;
const LINE_FEED = 10;

interface Opened {
  readonly fd: number;
  size: number;
  last: number;
  /** Byte offset of line 1 + k × INDEX_EVERY_LINES at index k. */
  readonly index: number[];
}

/** Opens (or makes) the log, cuts a torn last line off and settles the one effect that may be in doubt. */
export function openEffectLog(options: EffectLogOptions): EffectLog {
  const log = openAndRepair(options.file);
  const slotFile = `${options.file}.slot`;
  const inDoubt = readSlot(slotFile);
  if (inDoubt !== undefined && inDoubt.n === log.last + 1 && options.settle(inDoubt)) append(log, inDoubt);
  const slot = openSync(slotFile, 'w+');
  const sync = groupSync(log.fd, options.fsync);
  let closed = false;
  return {
    commit(fields, change) {
      const effect: Effect = { n: log.last + 1, at: options.now().toISOString(), ...fields };
      writeSync(slot, Buffer.from(`${JSON.stringify(effect)}\n`), 0, undefined, 0);
      change();
      append(log, effect);
      sync.dirty();
      return effect;
    },
    flushed: () => sync.flushed(),
    after: (after, limit) => readAfter(log, Math.max(0, after), limit),
    last: () => log.last,
    close() {
      if (closed) return;
      closed = true;
      closeSync(slot);
      sync.close();
    },
  };
}

function append(log: Opened, effect: Effect): void {
  const line = Buffer.from(`${JSON.stringify(effect)}\n`);
  if ((effect.n - 1) % INDEX_EVERY_LINES === 0) log.index.push(log.size);
  writeSync(log.fd, line, 0, line.length, log.size);
  log.size += line.length;
  log.last = effect.n;
}

/** The slot's line, or undefined when there is none or its own writing was torn. */
function readSlot(file: string): Effect | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return JSON.parse(text.slice(0, Math.max(0, text.indexOf('\n')))) as Effect;
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function openAndRepair(file: string): Opened {
  const fd = openSync(file, existing(file) ? 'r+' : 'w+');
  const index: number[] = [];
  let lines = 0;
  let lastLineStart = 0;
  let lineStart = 0;
  const chunk = Buffer.allocUnsafe(READ_CHUNK_BYTES);
  for (let base = 0; ; ) {
    const read = readSync(fd, chunk, 0, chunk.length, base);
    if (read === 0) break;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0 && at < read; at = chunk.indexOf(LINE_FEED, at + 1)) {
      if (lines % INDEX_EVERY_LINES === 0) index.push(lineStart);
      lines += 1;
      lastLineStart = lineStart;
      lineStart = base + at + 1;
    }
    base += read;
  }
  if (fstatSync(fd).size > lineStart) ftruncateSync(fd, lineStart);
  if (lines > 0 && readLines(fd, lastLineStart, lineStart)[0]?.n !== lines) {
    closeSync(fd);
    throw new SimulatorError('effect_log_damaged', `the effect log ${file} is not numbered without gaps`);
  }
  return { fd, size: lineStart, last: lines, index };
}

function existing(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

function readLines(fd: number, from: number, to: number): Effect[] {
  const bytes = Buffer.allocUnsafe(to - from);
  readSync(fd, bytes, 0, bytes.length, from);
  const lines = bytes.toString('utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Effect);
}

function readAfter(log: Opened, after: number, limit: number): Effect[] {
  const found: Effect[] = [];
  for (let block = Math.floor(after / INDEX_EVERY_LINES); found.length < limit; block += 1) {
    const from = log.index[block];
    if (from === undefined) break;
    const effects = readLines(log.fd, from, log.index[block + 1] ?? log.size);
    for (const effect of effects) if (effect.n > after && found.length < limit) found.push(effect);
  }
  return found;
}

/** One fsync for everything committed while the one before it ran: concurrent editors share the disk's latency. */
function groupSync(fd: number, enabled: boolean) {
  let dirty = false;
  let closing = false;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  async function sync(): Promise<void> {
    dirty = false;
    try {
      await fdatasyncAsync(fd);
    } finally {
      running = undefined;
      if (closing && next === undefined) closeSync(fd);
    }
  }
  async function afterRunning(): Promise<void> {
    await running;
    next = undefined;
    running = sync();
    await running;
  }
  return {
    dirty(): void {
      dirty = enabled;
    },
    async flushed(): Promise<void> {
      if (!dirty) return running;
      if (running === undefined) {
        running = sync();
        return running;
      }
      next ??= afterRunning();
      return next;
    },
    close(): void {
      closing = true;
      if (running === undefined) closeSync(fd);
    },
  };
}

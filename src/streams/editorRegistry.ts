import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { NatsConnection } from 'nats';
import { type EditorEntry, MAX_EDITORS, parseEntry } from '../commands/editorEntry.js';
import { type Clock, pause } from '../core/clock.js';
import { SparkError } from '../core/errors.js';
import type { Service } from '../core/service.js';
import { newestOf } from './newest.js';
import { API_ERRORS, apiErrorCode, untilAnswered } from './publish.js';
import { readStream, type StreamMessage } from './streamReader.js';
import { EDITORS_BUCKET, STREAMS } from './topology.js';

const RETRY_MS = 200;
const LOAD_POLL_MS = 20;
/** Somebody else's change came in between: looked at again and decided again, this often. */
const CAS_TRIES = 20;
const DEL_HEADER = 'KV-Operation';
const KEY_PREFIX = `$KV.${EDITORS_BUCKET}.`;

export class RegistryBusyError extends SparkError {
  readonly code = 'registry_busy';
}
export class RegistryFullError extends SparkError {
  readonly code = 'registry_full';
}

/** Told of each editor whose entry has changed; undefined: removed. */
export type EntryListener = (editor: string, entry: EditorEntry | undefined) => void;

/**
 * The editors registry: one entry an editor in a JetStream key-value bucket, the same in the memory of each process that watches it.
 * `start` resolves when everything that was stored before is in memory; from then on changes come within a round trip, and after an
 * outage whatever was missed comes too.
 */
export class EditorRegistry implements Service {
  readonly name = 'editor-registry';
  readonly #nc: NatsConnection;
  readonly #clock: Clock;
  readonly #entries = new Map<string, EditorEntry>();
  readonly #listeners = new Set<EntryListener>();
  readonly #revisions = new Map<string, number>();
  #bucket: KV | undefined;
  #seenSeq = 0;
  #abort = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(nc: NatsConnection, clock: Clock) {
    this.#nc = nc;
    this.#clock = clock;
  }

  /** In memory, as of the last change that reached this process. */
  get entries(): ReadonlyMap<string, EditorEntry> {
    return this.#entries;
  }

  onChange(listener: EntryListener): void {
    this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    if (this.#watching) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const manager = await jetstreamManager(this.#nc);
    this.#bucket = await untilAnswered(this.#clock, signal, () =>
      // Read from the leader: a copy that is behind would make each compare-and-set fail until it has caught up.
      new Kvm(this.#nc).open(EDITORS_BUCKET, { allow_direct: false }),
    );
    const newest = await untilAnswered(this.#clock, signal, () =>
      newestOf(manager, STREAMS.editors, `${KEY_PREFIX}>`),
    );
    this.#watching = this.#watch(signal);
    await this.#seen(newest?.seq ?? 0, signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#watching;
    this.#watching = undefined;
  }

  /**
   * Stores what `decide` makes of the entry that is stored now (null: removes it) by compare-and-set, so that two who change one editor
   * both count. Resolves with what holds now, in this process's memory too. Throws `RegistryBusyError` and `RegistryFullError`.
   */
  async change(
    editor: string,
    decide: (before: EditorEntry | undefined) => EditorEntry | null,
  ): Promise<{ readonly before: EditorEntry | undefined; readonly after: EditorEntry | null }> {
    const bucket = this.#bucket;
    if (!bucket) throw new RegistryBusyError('the registry has not been loaded yet; try again');
    for (let attempt = 0; attempt < CAS_TRIES; attempt++) {
      const found = await bucket.get(editor);
      const before = found?.operation === 'PUT' ? await this.#readable(editor, found) : undefined;
      const after = decide(before);
      if (after === before || (after === null && before === undefined)) return { before, after };
      if (!before && this.#entries.size >= MAX_EDITORS)
        throw new RegistryFullError(`${MAX_EDITORS} editors are registered; remove some first`);
      const previousSeq = found?.revision ?? 0;
      try {
        if (after)
          this.#apply(editor, after, await bucket.put(editor, JSON.stringify(after), { previousSeq }));
        else await this.#remove(bucket, editor, previousSeq);
        return { before, after };
      } catch (error) {
        if (!LOST_RACE.has(apiErrorCode(error) ?? 0)) throw error;
      }
    }
    throw new RegistryBusyError(`editor "${editor}" is being changed by others all the time; try again`);
  }

  /** The newest revision that can be read, up to this one. */
  async #readable(editor: string, found: KvEntry): Promise<EditorEntry | undefined> {
    const entry = parseEntry(found.string());
    if (entry?.editor === editor) return entry;
    await this.#seen(found.revision, this.#abort.signal);
    return this.#entries.get(editor);
  }

  async #remove(bucket: KV, editor: string, previousSeq: number): Promise<void> {
    await bucket.delete(editor, { previousSeq });
    // The client does not tell the marker's place; the watch brings it. Anything before it is older than this.
    this.#apply(editor, undefined, previousSeq + 1);
  }

  async #seen(seq: number, signal: AbortSignal): Promise<void> {
    while (this.#seenSeq < seq && !signal.aborted) await pause(this.#clock, LOAD_POLL_MS, signal);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const message of readStream(jetstream(this.#nc), STREAMS.editors, this.#seenSeq, signal))
          this.#take(message);
      } catch {
        // The server is away: goes on from where it was.
      }
      await pause(this.#clock, RETRY_MS, signal);
    }
  }

  #take(message: StreamMessage): void {
    const editor = message.subject.slice(KEY_PREFIX.length);
    const removed = [...(message.headers ?? [])].some(([name]) => name === DEL_HEADER);
    const entry = removed ? undefined : parseEntry(Buffer.from(message.data).toString());
    // What cannot be read is not SPARK's: the newest that can holds.
    if (removed || entry?.editor === editor) this.#apply(editor, entry, message.streamSeq);
    this.#seenSeq = Math.max(this.#seenSeq, message.streamSeq);
  }

  /** Own writes are known before the watch brings them: the older of two is nothing new. */
  #apply(editor: string, entry: EditorEntry | undefined, revision: number): void {
    if (revision <= (this.#revisions.get(editor) ?? 0)) return;
    this.#revisions.set(editor, revision);
    if (entry) this.#entries.set(editor, entry);
    else this.#entries.delete(editor);
    for (const listener of this.#listeners) listener(editor, entry);
  }
}

const LOST_RACE = new Set<number>([API_ERRORS.wrongLastSequence, API_ERRORS.wrongLastSequenceUnknown]);

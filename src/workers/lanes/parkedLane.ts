import type { LaneUse } from '../../commands/catalogue.js';
import type { Command, CommandPosition } from '../../commands/envelope.js';
import type { ParkedBatch } from '../ports.js';
import { laneUseOf } from './laneUse.js';
import type { LaneParking } from './markedParking.js';
import { headsOf, ParkedIndex } from './parkedIndex.js';
import type { Task } from './task.js';

/** Batches fetched at once, and the size of one: a batch must fit one message of any nats-server. */
const FETCH_BATCHES = 4;
const BATCH_COMMANDS = 100;
const BATCH_BYTES = 512 * 1024;
/** Batches stored at once, each of other sessions. */
const STORE_BATCHES = 16;
/** Batches ended after which their places are released. */
const RELEASE_EVERY = 4;

interface Waiting {
  readonly task: Task;
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * One editor's part of the parking. While anything of a session is stored and not fetched, its new commands go there too: that keeps
 * the session's order, and so does storing one batch of it after the other. Other sessions of the editor are not held up by it. Nothing
 * is lost around a crash: a command is acknowledged in the command stream only after it is stored here, and released here only after
 * its terminal event is stored.
 */
export class ParkedLane {
  readonly #editor: string;
  readonly #parking: LaneParking;
  /** Rejects when another worker has taken the partition. */
  readonly #stillOwner: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  /** False as long as older commands than those of an earlier life may still be delivered. */
  readonly #caughtUp: () => boolean;
  /** What each command needs of the lane, as far as it has come. */
  readonly #useOf: (command: Command) => LaneUse;
  /** Of each session that was found: its oldest place here, until all that is older has come. */
  readonly #oldestFound = new Map<string, Place>();
  readonly #index = new ParkedIndex();
  #waiting: Waiting[] = [];
  /** Commands on their way in, by session. */
  readonly #coming = new Map<string, number>();
  #storing: Promise<void> | undefined;
  #putBacks = 0;
  #endedBatches = 0;
  #highestEnded = 0;
  /** Fetched batches, with the places of their commands that have not ended, and whose those are. */
  readonly #fetched = new Map<number, Map<string, string>>();

  constructor(
    editor: string,
    parking: LaneParking,
    stillOwner: () => Promise<void>,
    onError: (error: unknown) => void,
    caughtUp: () => boolean = () => true,
    useOf: (command: Command) => LaneUse = (command) => laneUseOf(command, undefined),
  ) {
    this.#caughtUp = caughtUp;
    this.#useOf = useOf;
    this.#editor = editor;
    this.#parking = parking;
    this.#stillOwner = stillOwner;
    this.#onError = onError;
  }

  /** True while new commands of this session must go behind what is stored. */
  holds(sessionId: string): boolean {
    return this.#coming.has(sessionId) || this.#index.has(sessionId);
  }

  /**
   * Whether a newly delivered command comes here: behind what its session has here, or because the editor is `away`. Not one that is older
   * than what was found of its session: it goes first.
   */
  takes({ sessionId, position }: Command, away: boolean): boolean {
    const oldest = this.#oldestFound.get(sessionId);
    if (oldest && !this.#caughtUp() && isBefore(position, oldest)) return false;
    return away || this.holds(sessionId);
  }

  get active(): boolean {
    return this.#storing !== undefined || this.hasMore;
  }

  get hasMore(): boolean {
    return this.#index.size > 0;
  }

  /** Nothing stored, nothing fetched that has not ended. */
  get idle(): boolean {
    return !this.active && this.#fetched.size === 0;
  }

  /** Resolves when nothing is on its way in. */
  async stored(): Promise<void> {
    await this.#storing;
  }

  /** A batch of an earlier life: to be told in order, before anything is stored or fetched. */
  found({ parkedSeq, commands }: ParkedBatch): void {
    this.#index.add(parkedSeq, headsOf(commands, this.#useOf));
    for (const { sessionId, position } of commands) {
      const oldest = this.#oldestFound.get(sessionId);
      if (!oldest || isBefore(position, oldest)) this.#oldestFound.set(sessionId, position);
    }
  }

  /** Moves a command here; resolves when it is stored. */
  store(task: Task): Promise<void> {
    const { sessionId } = task.command;
    this.#coming.set(sessionId, (this.#coming.get(sessionId) ?? 0) + 1);
    return new Promise((stored, failed) => {
      this.#waiting.push({ task, stored, failed });
      this.#storing ??= this.#storeWaiting();
    });
  }

  /**
   * Hands the next batches of sessions that want more to `admit`, sessions in turn; returns how many. Nothing is read when none does;
   * with `only`, none whose next command needs something else. One call at a time. A batch leaves the parking in the step in which it
   * is admitted: in between, a newer command of its session would find nobody here and pass it.
   */
  async fetch(
    admit: (batch: ParkedBatch) => void,
    wants: (sessionId: string) => boolean = () => true,
    only?: LaneUse,
  ): Promise<number> {
    if (!this.#caughtUp()) return 0;
    this.#oldestFound.clear();
    const seqs = this.#index.next(wants, FETCH_BATCHES, only);
    if (seqs.length === 0) return 0;
    const before = this.#putBacks;
    const read = await Promise.all(seqs.map((seq) => this.#parking.read(this.#editor, seq - 1, 1)));
    // Something was put back meanwhile: it comes first.
    if (this.#putBacks !== before) return 0;
    let admitted = 0;
    for (const [at, [batch]] of read.entries()) {
      const seq = seqs[at];
      // Nothing: a replica that lags; it is asked for again. And what comes after it must wait for it.
      if (seq === undefined || !batch) break;
      this.#index.remove(seq);
      // Another one: this place is empty, somebody has cleared the parking.
      if (batch.parkedSeq !== seq) continue;
      this.#fetched.set(
        seq,
        new Map(batch.commands.map(({ position, sessionId }) => [placeOf(position), sessionId])),
      );
      admitted++;
      admit(batch);
    }
    return admitted;
  }

  /**
   * Reads what is stored and not fetched of these sessions, each batch once, until `look` says that it has seen enough. False when
   * something may have been missed: a replica that lags, or something was put back meanwhile.
   */
  async scan(sessionIds: Iterable<string>, look: (batch: ParkedBatch) => Promise<boolean>): Promise<boolean> {
    const before = this.#putBacks;
    const seqs = new Set([...sessionIds].flatMap((sessionId) => this.#index.of(sessionId)));
    let complete = true;
    for (const seq of [...seqs].sort((left, right) => left - right)) {
      const [batch] = await this.#parking.read(this.#editor, seq - 1, 1);
      if (!batch) complete = false;
      // Another one: this place is empty.
      else if (batch.parkedSeq === seq && (await look(batch))) break;
    }
    return complete && this.#putBacks === before;
  }

  /** Fetched commands that go back unexecuted, in order: they are still stored. Those of their batch that have ended are known as such. */
  putBack(tasks: readonly Task[]): void {
    const bySeq = new Map<number, Command[]>();
    for (const { origin, command } of tasks) {
      if (origin.kind !== 'parked') continue;
      const commands = bySeq.get(origin.parkedSeq) ?? [];
      bySeq.set(origin.parkedSeq, commands);
      commands.push(command);
    }
    for (const [seq, commands] of bySeq) {
      const heads = headsOf(commands, this.#useOf);
      const fetched = this.#fetched.get(seq);
      if (!fetched) this.#index.lead(seq, heads);
      else {
        this.#putBacks++;
        this.#fetched.delete(seq);
        // Whose commands stay in memory need not be fetched for what does not need the editor.
        const sessions = [...new Set(fetched.values())];
        this.#index.add(seq, new Map(sessions.map((id) => [id, heads.get(id) ?? 'exclusive'])));
      }
    }
  }

  /** By place, not by count: around a put-back the same end may be told twice. */
  ended(parkedSeq: number, position: Place, sessionId = SHARED): void {
    const open = this.#fetched.get(parkedSeq);
    // In the parking: what follows may not need the editor. It is fetched once more, and its batch is known exactly then.
    if (!open) this.#index.lead(parkedSeq, new Map([[sessionId, 'beside']]));
    if (!open?.delete(placeOf(position)) || open.size > 0) return;
    this.#fetched.delete(parkedSeq);
    this.#endedBatches++;
    this.#highestEnded = Math.max(this.#highestEnded, parkedSeq);
    if (this.#endedBatches >= RELEASE_EVERY || this.#fetched.size === 0) this.#release();
  }

  /** Everything below the oldest that has not ended. */
  #release(): void {
    this.#endedBatches = 0;
    let oldest = this.#index.oldest() ?? Number.POSITIVE_INFINITY;
    for (const seq of this.#fetched.keys()) oldest = Math.min(oldest, seq);
    this.#parking.release(this.#editor, Math.min(oldest - 1, this.#highestEnded)).catch(this.#onError);
  }

  async #storeWaiting(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const round = this.#takeRound();
      try {
        const seqs = await Promise.all(
          round.map((batch) =>
            this.#parking.park(
              this.#editor,
              batch.map(({ task }) => task.command),
            ),
          ),
        );
        // A zombie must not acknowledge what the new owner, who looked before this, will not find.
        await this.#stillOwner();
        for (const [at, batch] of round.entries()) {
          this.#index.add(
            seqs[at] ?? 0,
            headsOf(
              batch.map(({ task }) => task.command),
              this.#useOf,
            ),
          );
          for (const one of batch) this.#came(one);
          for (const { stored } of batch) stored();
        }
      } catch (error) {
        for (const one of [...round.flat(), ...this.#waiting.splice(0)]) {
          this.#came(one);
          one.failed(error);
        }
      }
    }
    this.#storing = undefined;
  }

  #came({ task: { command } }: Waiting): void {
    const left = (this.#coming.get(command.sessionId) ?? 1) - 1;
    if (left > 0) this.#coming.set(command.sessionId, left);
    else this.#coming.delete(command.sessionId);
  }

  /**
   * Batches that may be stored at the same time: at most one of each session. A session with a backlog here gets batches of its own, so
   * that nobody else's command has to wait for what lies before; all others share one.
   */
  #takeRound(): Waiting[][] {
    const batches = new Map<string, { entries: Waiting[]; bytes: number }>();
    const deferred = new Set<string>();
    const rest: Waiting[] = [];
    for (const entry of this.#waiting) {
      const { command } = entry.task;
      const key = this.#index.has(command.sessionId) ? command.sessionId : SHARED;
      const batch = batches.get(key) ?? { entries: [], bytes: 0 };
      const bytes = sizeOf(command);
      const room =
        (batches.has(key) || batches.size < STORE_BATCHES) &&
        (batch.entries.length === 0 ||
          (batch.entries.length < BATCH_COMMANDS && batch.bytes + bytes <= BATCH_BYTES));
      if (deferred.has(command.sessionId) || !room) {
        deferred.add(command.sessionId);
        rest.push(entry);
        continue;
      }
      batch.entries.push(entry);
      batch.bytes += bytes;
      batches.set(key, batch);
    }
    this.#waiting = rest;
    return [...batches.values()].map(({ entries }) => entries);
  }
}

/** No session is called this. */
const SHARED = '';

type Place = Pick<CommandPosition, 'seq' | 'index'>;
const placeOf = ({ seq, index }: Place): string => `${seq}.${index}`;
const isBefore = (left: Place, right: Place): boolean =>
  left.seq < right.seq || (left.seq === right.seq && left.index < right.index);
const sizeOf = (command: Command): number => 600 + 2 * JSON.stringify(command.payload).length;

import type { LaneUse } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';
import type { ParkedBatch } from '../ports.js';
import { laneUseOf } from './laneUse.js';
import type { LaneParking } from './markedParking.js';
import { headsOf, ParkedIndex } from './parkedIndex.js';
import { isBefore, type Place } from './place.js';
import { SHARED, takeRound } from './storeRound.js';
import type { Task } from './task.js';

/** Batches fetched at once. */
const FETCH_BATCHES = 4;
/** Batches ended after which their places are released. */
const RELEASE_EVERY = 4;

interface Waiting {
  readonly task: Task;
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
  /** It belongs before something that lies here already. */
  readonly between: boolean;
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
  /** Of each session that was found: its oldest place here, what came since included, until all that is older has come. */
  readonly #oldestFound = new Map<string, Place>();
  readonly #index = new ParkedIndex();
  #waiting: Waiting[] = [];
  /** Commands on their way in, by session: how many, and the last one's place. */
  readonly #coming = new Map<string, { readonly count: number; readonly last: Place }>();
  /** Of those: how many belong before something that lies here already. */
  #between = 0;
  #storing: Promise<void> | undefined;
  /** Counts what made others than before the next to be fetched. */
  #insertions = 0;
  #endedBatches = 0;
  #highestEnded = 0;
  /** Fetched batches, with their commands that have not ended, by place. */
  readonly #fetched = new Map<number, Map<string, Command>>();

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

  /** True while something of its session is on its way in that goes after this command. */
  isPassed({ sessionId, position }: Command): boolean {
    const coming = this.#coming.get(sessionId);
    return coming !== undefined && isBefore(position, coming.last);
  }

  /**
   * Whether a newly delivered command comes here: behind what its session has here, or because the editor is `away`. One that is older
   * than what was found of its session need not wait for that: it goes first.
   */
  takes({ sessionId, position }: Command, away: boolean): boolean {
    if (away) return true;
    const oldest = this.#oldestFound.get(sessionId);
    return !(oldest && !this.#caughtUp() && isBefore(position, oldest)) && this.holds(sessionId);
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

  /** A batch of an earlier life, before anything is stored or fetched: whoever `hasEnded` there is nobody's predecessor any more. */
  found({ parkedSeq, commands }: ParkedBatch, hasEnded: (command: Command) => boolean = () => false): void {
    const open = commands.filter((command) => !hasEnded(command));
    // One of which nothing is left is fetched all the same, and then it is released.
    this.#index.add(parkedSeq, headsOf(open.length > 0 ? open : commands, this.#useOf));
    for (const { sessionId, position } of open) {
      const oldest = this.#oldestFound.get(sessionId);
      if (!oldest || isBefore(position, oldest)) this.#oldestFound.set(sessionId, position);
    }
  }

  /** Moves a command here; resolves when it is stored. */
  store(task: Task): Promise<void> {
    const { sessionId, position } = task.command;
    const oldest = this.#oldestFound.get(sessionId);
    if (oldest && isBefore(position, oldest)) this.#oldestFound.set(sessionId, position);
    const { count = 0 } = this.#coming.get(sessionId) ?? {};
    this.#coming.set(sessionId, { count: count + 1, last: position });
    const between = this.#index.firstAfter(sessionId, position) !== undefined;
    if (between) {
      this.#between++;
      this.#insertions++;
    }
    return new Promise((stored, failed) => {
      this.#waiting.push({ task, stored, failed, between });
      this.#storing ??= this.#storeWaiting();
    });
  }

  /**
   * Hands the next batches of sessions that want more to `admit`, sessions in turn; returns how many. Nothing is read when none does;
   * with `only`, none whose next command needs something else. One call at a time. A batch leaves the parking in the step in which it
   * is admitted: in between, a newer command of its session would find nobody here and pass it. Nothing is handed out while something
   * that goes before it is on its way in.
   */
  async fetch(
    admit: (batch: ParkedBatch) => void,
    wants: (sessionId: string) => boolean = () => true,
    only?: LaneUse,
  ): Promise<number> {
    if (!this.#caughtUp() || this.#between > 0) return 0;
    this.#oldestFound.clear();
    const seqs = this.#index.next(wants, FETCH_BATCHES, only);
    if (seqs.length === 0) return 0;
    const before = this.#insertions;
    const read = await Promise.all(seqs.map((seq) => this.#parking.read(this.#editor, seq - 1, 1)));
    // Something was put back meanwhile, or comes in before: it goes first.
    if (this.#insertions !== before) return 0;
    let admitted = 0;
    for (const [at, [batch]] of read.entries()) {
      const seq = seqs[at];
      // Nothing: a replica that lags; it is asked for again. And what comes after it must wait for it.
      if (seq === undefined || !batch) break;
      this.#index.remove(seq);
      // Another one: this place is empty, somebody has cleared the parking.
      if (batch.parkedSeq !== seq) continue;
      this.#fetched.set(seq, new Map(batch.commands.map((command) => [placeOf(command.position), command])));
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
    const before = this.#insertions;
    const seqs = new Set([...sessionIds].flatMap((sessionId) => this.#index.of(sessionId)));
    let complete = true;
    for (const seq of [...seqs].sort((left, right) => left - right)) {
      const [batch] = await this.#parking.read(this.#editor, seq - 1, 1);
      if (!batch) complete = false;
      // Another one: this place is empty.
      else if (batch.parkedSeq === seq && (await look(batch))) break;
    }
    return complete && this.#insertions === before;
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
        this.#insertions++;
        this.#fetched.delete(seq);
        // Whose commands stay in memory need not be fetched for what does not need the editor.
        this.#index.add(seq, new Map([...headsOf(fetched.values(), () => 'exclusive'), ...heads]));
      }
    }
  }

  /** By place, not by count: around a put-back the same end may be told twice. */
  ended(parkedSeq: number, position: Place, sessionId = SHARED): void {
    const open = this.#fetched.get(parkedSeq);
    // In the parking: what follows may not need the editor. It is fetched once more, and its batch is known exactly then.
    if (!open) this.#index.lead(parkedSeq, new Map([[sessionId, { use: 'beside' }]]));
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
      const { batches: round, rest } = takeRound(this.#waiting, this.#index);
      this.#waiting = rest;
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

  #came({ task: { command }, between }: Waiting): void {
    if (between) this.#between--;
    const { sessionId, position } = command;
    const { count, last } = this.#coming.get(sessionId) ?? { count: 1, last: position };
    if (count > 1) this.#coming.set(sessionId, { count: count - 1, last });
    else this.#coming.delete(sessionId);
  }
}

const placeOf = ({ seq, index }: Place): string => `${seq}.${index}`;

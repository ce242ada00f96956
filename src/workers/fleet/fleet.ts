import { bounded } from '../../core/bounded.js';
import { type Clock, every, pause } from '../../core/clock.js';
import type { Service } from '../../core/service.js';
import { TakenOverError } from '../ledger/logFollower.js';
import type { Worker } from '../worker.js';
import { decideMoves } from './decideMoves.js';
import type { FleetBoard, Member } from './fleetPort.js';

export interface FleetOptions {
  readonly workerId: string;
  /** Identity of the gate this worker calls through. */
  readonly gate: string;
  readonly partitions: number;
  /** How often a worker says that it lives. */
  readonly beatMs: number;
  /** How long a leave may take to give everything away. */
  readonly leaveMs: number;
  readonly board: FleetBoard;
  readonly worker: Pick<Worker, 'claims' | 'lose' | 'started' | 'take' | 'give' | 'start' | 'stop'>;
  readonly clock: Clock;
  readonly listener: FleetListener;
}

export interface FleetListener {
  taken(partition: number): void;
  given(partition: number): void;
  /** Whether this worker has a part in the work; the reason where it has none. */
  standsBy(reason: string | undefined): void;
  warn(message: string, error: unknown): void;
}

/** After so many of our own words without one of his a worker is asked whether it lives; after so many more it is taken for dead. */
const ASK_AFTER_BEATS = 2;
const DEAD_AFTER_BEATS = 4;
const RETRY_MS = 250;

interface Seen {
  readonly member: Member;
  /** Our own words that were heard when this one was. */
  readonly atBeat: number;
}

/**
 * Spreads the partitions over the workers that live: each says about every second that it does, knows by that who else is there, and
 * takes or gives away what everybody computes alike. Silence is counted in one's own words that came back, never in time: while the
 * board is away nobody dies, and no clock is compared. What this decides need not be true: whoever acts on what is no longer so is
 * refused by the log and at the gate.
 */
export class Fleet implements Service {
  readonly name = 'fleet';
  readonly #options: FleetOptions;
  readonly #others = new Map<string, Seen>();
  readonly #moving = new Set<number>();
  #abort = new AbortController();
  #stops: (() => void)[] = [];
  #born: number | null = null;
  #ready = false;
  #beats = 0;
  #saying: Promise<void> | undefined;
  #sayAgain = false;
  #changed: (() => void)[] = [];
  #reason: string | undefined;
  #restarting: Promise<void> | undefined;
  #restartAgain = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Joins; resolves when this worker works on its part or stands by. */
  async start(): Promise<void> {
    if (this.#stops.length > 0) return;
    const { board, worker, workerId, beatMs, listener } = this.#options;
    this.#abort = new AbortController();
    this.#ready = false;
    this.#restarting = undefined;
    await worker.start();
    // Stopped meanwhile.
    if (this.#abort.signal.aborted) return worker.stop();
    this.#ready = true;
    const warn = (error: unknown) => listener.warn('a word to the other workers failed', error);
    this.#stops = [board.answerPings(workerId), every(beatMs, () => this.#beat(), warn)];
    board.watch((id, member) => this.#heard(id, member), this.#abort.signal);
    await this.#say();
    await this.#until(() => this.#beats > 0);
    // Words of those that were killed stand there still.
    await Promise.all([...this.#others.keys()].map((id) => this.#ask(id)));
    this.#act();
    await this.#until(() => this.#moving.size === 0);
  }

  /** Leaves: gives everything away first, so that others go on without having to find out. */
  async stop(): Promise<void> {
    if (this.#stops.length === 0) {
      this.#abort.abort();
      return;
    }
    const { board, worker, workerId, clock, leaveMs } = this.#options;
    this.#ready = false;
    for (const partition of worker.claims.keys()) this.#move(partition, 'give');
    // Without the server nothing can be given: then others find out by its silence.
    await bounded(
      clock,
      leaveMs,
      this.#until(() => this.#moving.size === 0),
    );
    this.#abort.abort();
    this.#tell();
    for (const stop of this.#stops.splice(0)) stop();
    // One that begins anew may wait for a server that is away: the stop ends that wait, and whatever came of it.
    await worker.stop();
    await this.#restarting;
    await worker.stop();
    await this.#saying;
    await board.remove(workerId).catch(() => undefined);
  }

  /** Somebody else owns what this worker had, and it has dropped everything: it begins anew. */
  async restart(): Promise<void> {
    // What is lost while one begins anew is begun anew after that.
    this.#restartAgain = true;
    this.#restarting ??= this.#restartAll();
    await this.#restarting;
  }

  async #restartAll(): Promise<void> {
    while (this.#restartAgain && !this.#abort.signal.aborted) {
      this.#restartAgain = false;
      await this.#startAnew();
    }
    // In the same step as the last look: whoever asks from now on begins another.
    this.#restarting = undefined;
  }

  async #startAnew(): Promise<void> {
    const { worker, clock, listener } = this.#options;
    this.#ready = false;
    void this.#say();
    while (!this.#abort.signal.aborted) {
      try {
        await worker.start();
        break;
      } catch (error) {
        listener.warn('the worker could not begin anew; it tries again', error);
        await pause(clock, RETRY_MS, this.#abort.signal);
      }
    }
    if (this.#abort.signal.aborted) return;
    this.#ready = true;
    await this.#say();
    this.#act();
  }

  async #beat(): Promise<void> {
    await this.#say();
    const overdue = [...this.#others].filter(([, { atBeat }]) => this.#beats - atBeat >= ASK_AFTER_BEATS);
    await Promise.all(overdue.map(([id]) => this.#ask(id)));
    this.#act();
  }

  /** Whoever nobody answers for, or has been silent for too long, has no part any more. */
  async #ask(id: string): Promise<void> {
    const answer = await this.#options.board.ping(id);
    const seen = this.#others.get(id);
    if (!seen) return;
    const silentFor = this.#beats - seen.atBeat;
    if (answer === 'gone' || (answer === 'silent' && silentFor >= DEAD_AFTER_BEATS)) this.#others.delete(id);
  }

  #heard(workerId: string, member: Member | undefined): void {
    if (workerId === this.#options.workerId) this.#beats++;
    else if (member) this.#others.set(workerId, { member, atBeat: this.#beats });
    else this.#others.delete(workerId);
    if (this.#beats > 0) this.#act();
    this.#tell();
  }

  #act(): void {
    if (!this.#ready || !this.#options.worker.started || this.#stops.length === 0 || this.#beats === 0)
      return;
    const members = [this.#self(), ...[...this.#others.values()].map(({ member }) => member)];
    const { workerId: me, partitions, worker } = this.#options;
    const { take, give, lost, otherGate } = decideMoves({ me, partitions, members });
    this.#standBy(otherGate === undefined ? undefined : otherGateText(otherGate));
    if (lost.length > 0) {
      this.#ready = false;
      worker.lose(new TakenOverError(`partitions ${lost.join(', ')} were claimed by somebody else`));
      return;
    }
    for (const partition of give) this.#move(partition, 'give');
    for (const partition of take) this.#move(partition, 'take');
  }

  #move(partition: number, what: 'take' | 'give'): void {
    if (this.#moving.has(partition)) return;
    const { worker, listener } = this.#options;
    this.#moving.add(partition);
    const moved = async (): Promise<void> => {
      try {
        await worker[what](partition);
        if (what === 'give') listener.given(partition);
        else if (worker.claims.has(partition)) listener.taken(partition);
      } catch (error) {
        listener.warn(
          `partition ${partition} could not be ${what === 'take' ? 'taken' : 'given away'} yet`,
          error,
        );
        await pause(this.#options.clock, RETRY_MS, this.#abort.signal);
      }
      // Others wait for this word.
      await this.#say();
      this.#moving.delete(partition);
      this.#tell();
      this.#act();
    };
    void moved();
  }

  /** Says what holds now; what changes while it is being said is said right after. Never fails: the next beat says it again. */
  #say(): Promise<void> {
    this.#sayAgain = true;
    this.#saying ??= this.#sayAll().finally(() => {
      this.#saying = undefined;
    });
    return this.#saying;
  }

  async #sayAll(): Promise<void> {
    while (this.#sayAgain) {
      this.#sayAgain = false;
      try {
        const place = await this.#options.board.say(this.#self());
        this.#born ??= place;
      } catch (error) {
        this.#options.listener.warn('the board of the workers cannot be reached', error);
        return;
      }
    }
  }

  #self(): Member {
    const { workerId, gate, worker } = this.#options;
    return {
      workerId,
      gate,
      born: this.#born,
      ready: this.#ready && worker.started,
      owned: Object.fromEntries(worker.claims),
    };
  }

  #standBy(reason: string | undefined): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#options.listener.standsBy(reason);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.#abort.signal.aborted)
      await new Promise<void>((changed) => this.#changed.push(changed));
  }

  #tell(): void {
    for (const changed of this.#changed.splice(0)) changed();
  }
}

const otherGateText = (gate: string): string =>
  `another worker calls the editors through another gate (${gate}): run one \`spark gate\` and give all workers its SPARK_GATE_URL and SPARK_GATE_TOKEN to share the work`;

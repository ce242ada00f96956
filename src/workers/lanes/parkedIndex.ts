import type { LaneUse } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';
import { isBefore, type Place } from './place.js';

/** The first of a session's commands in a batch: what it needs, as far as that is known, and where it lies in the command stream. */
interface Head {
  readonly use: LaneUse;
  readonly place: Place;
}

/** Of each session that has commands in a batch. */
export type Heads = ReadonlyMap<string, Head>;

/**
 * Which batches of the parking wait to be fetched, and whose commands are in them. A batch may be fetched when it is the first of each
 * of its sessions. The order of a session's batches is that of its commands, whenever they were stored: what an earlier owner had in
 * memory between two batches when it ended is stored behind both, and goes in between (3 minutes of chaos, seed b3708ebe10f9).
 */
export class ParkedIndex {
  readonly #batches = new Map<number, Heads>();
  /** In order; the sessions in the order of their turns. */
  readonly #sessions = new Map<string, number[]>();

  get size(): number {
    return this.#batches.size;
  }

  has(sessionId: string): boolean {
    return this.#sessions.has(sessionId);
  }

  of(sessionId: string): readonly number[] {
    return [...(this.#sessions.get(sessionId) ?? [])];
  }

  oldest(): number | undefined {
    let oldest: number | undefined;
    for (const seq of this.#batches.keys()) if (oldest === undefined || seq < oldest) oldest = seq;
    return oldest;
  }

  add(seq: number, heads: Heads): void {
    if (this.#batches.has(seq)) return;
    this.#batches.set(seq, heads);
    for (const sessionId of heads.keys()) {
      const seqs = this.#sessions.get(sessionId);
      if (!seqs) this.#sessions.set(sessionId, [seq]);
      else {
        // From behind: nearly all come last.
        const before = seqs.findLastIndex((other) => this.#comesFirst(sessionId, other, seq));
        seqs.splice(before + 1, 0, seq);
      }
    }
  }

  /** What leads sessions of this batch needs something else now; sessions that are not in it are left out. */
  lead(seq: number, changed: ReadonlyMap<string, Pick<Head, 'use'>>): void {
    const heads = this.#batches.get(seq);
    if (!heads) return;
    const headOf = (id: string, head: Head): Head => ({ ...head, use: changed.get(id)?.use ?? head.use });
    this.#batches.set(seq, new Map([...heads].map(([id, head]) => [id, headOf(id, head)])));
  }

  /** The session's first batch that begins after this place; undefined when none does, which is soon seen. */
  firstAfter(sessionId: string, place: Place): number | undefined {
    const seqs = this.#sessions.get(sessionId) ?? [];
    const before = seqs.findLastIndex((seq) => {
      const head = this.#batches.get(seq)?.get(sessionId);
      return !head || !isBefore(place, head.place);
    });
    return seqs[before + 1];
  }

  /** Takes a batch out; its sessions go to the end of the turns. */
  remove(seq: number): void {
    const sessions = this.#batches.get(seq)?.keys() ?? [];
    this.#batches.delete(seq);
    for (const sessionId of sessions) {
      const seqs = this.#sessions.get(sessionId)?.filter((other) => other !== seq) ?? [];
      this.#sessions.delete(sessionId);
      if (seqs.length > 0) this.#sessions.set(sessionId, seqs);
    }
  }

  /**
   * Up to `max` batches that may be fetched in this order, one of each session that wants more before a second of any. With `only`,
   * those whose wanting session is led by such a command there.
   */
  next(wants: (sessionId: string) => boolean, max: number, only?: LaneUse): number[] {
    const taken = new Set<number>();
    const firstOf = (sessionId: string) => this.#sessions.get(sessionId)?.find((seq) => !taken.has(seq));
    const fits = (sessionId: string) => only === undefined || this.#headOf(sessionId) === only;
    const wanting = [...this.#sessions.keys()].filter((sessionId) => fits(sessionId) && wants(sessionId));
    for (let more = true; more && taken.size < max; ) {
      more = false;
      for (const sessionId of wanting) {
        if (taken.size >= max) break;
        const seq = firstOf(sessionId);
        const heads = seq === undefined ? undefined : this.#batches.get(seq);
        if (seq === undefined || !heads || (only !== undefined && heads.get(sessionId)?.use !== only))
          continue;
        if (![...heads.keys()].every((other) => firstOf(other) === seq)) continue;
        taken.add(seq);
        more = true;
      }
    }
    if (taken.size > 0 || only !== undefined) return [...taken];
    for (const sessionId of wanting) {
      const contradicted = this.#contradicted(firstOf(sessionId));
      if (contradicted !== undefined) return [contradicted];
    }
    return [];
  }

  /**
   * Should the places in several sessions contradict each other, each batch waits for another one of a circle: then the one of them that was
   * stored first goes on, or none ever would. Undefined where what `seq` waits for in the end is first of all its sessions.
   */
  #contradicted(seq: number | undefined): number | undefined {
    const passed: number[] = [];
    for (let at = seq; at !== undefined; at = this.#waitsFor(at)) {
      const circle = passed.indexOf(at);
      if (circle >= 0) return Math.min(...passed.slice(circle));
      passed.push(at);
    }
    return undefined;
  }

  /** A batch that comes before this one in one of its sessions. */
  #waitsFor(seq: number): number | undefined {
    for (const sessionId of this.#batches.get(seq)?.keys() ?? []) {
      const first = this.#sessions.get(sessionId)?.[0];
      if (first !== seq) return first;
    }
    return undefined;
  }

  #headOf(sessionId: string): LaneUse | undefined {
    const first = this.#sessions.get(sessionId)?.[0];
    return first === undefined ? undefined : this.#batches.get(first)?.get(sessionId)?.use;
  }

  #comesFirst(sessionId: string, seq: number, other: number): boolean {
    const mine = this.#batches.get(seq)?.get(sessionId)?.place;
    const theirs = this.#batches.get(other)?.get(sessionId)?.place;
    if (mine && theirs && isBefore(mine, theirs)) return true;
    return !(mine && theirs && isBefore(theirs, mine)) && seq < other;
  }
}

/** What each session is led by there. */
export function headsOf(commands: Iterable<Command>, useOf: (command: Command) => LaneUse): Heads {
  const heads = new Map<string, Head>();
  for (const command of commands)
    if (!heads.has(command.sessionId))
      heads.set(command.sessionId, { use: useOf(command), place: command.position });
  return heads;
}

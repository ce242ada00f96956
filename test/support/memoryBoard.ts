import type { FleetBoard, Member, OnWord } from '../../src/workers/fleet/fleetPort.js';

/** The workers' board in memory. `dead`: who answers no ping, as if its connection were gone. */
export class MemoryBoard implements FleetBoard {
  readonly dead = new Set<string>();
  readonly #words = new Map<string, Member>();
  readonly #watchers = new Set<OnWord>();
  readonly #listening = new Set<string>();
  #place = 0;
  /** Nobody can say or hear anything. */
  away = false;

  async say(member: Member): Promise<number> {
    if (this.away || this.dead.has(member.workerId)) throw new Error('the board is away');
    this.#words.set(member.workerId, structuredClone(member));
    for (const watcher of this.#watchers) watcher(member.workerId, structuredClone(member));
    return ++this.#place;
  }

  async remove(workerId: string): Promise<void> {
    this.#words.delete(workerId);
    for (const watcher of this.#watchers) watcher(workerId, undefined);
  }

  watch(onWord: OnWord, signal: AbortSignal): void {
    for (const [workerId, member] of this.#words) onWord(workerId, member);
    this.#watchers.add(onWord);
    signal.addEventListener('abort', () => this.#watchers.delete(onWord), { once: true });
  }

  async ping(workerId: string): Promise<'lives' | 'silent' | 'gone'> {
    if (this.dead.has(workerId)) return 'gone';
    return this.#listening.has(workerId) ? 'lives' : 'gone';
  }

  answerPings(workerId: string): () => void {
    this.#listening.add(workerId);
    return () => this.#listening.delete(workerId);
  }
}

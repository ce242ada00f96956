import type { LaneUse } from '../../commands/catalogue.js';
import type { ParkedBatch } from '../ports.js';
import type { LaneQueue } from './laneQueue.js';
import type { ParkedLane } from './parkedLane.js';

/** In memory beyond what runs: below this the lane goes on fetching what is parked; up to the next it fetches once a turn. */
const REFILL_BELOW = 16;
/** Batches have 100 commands at most: so the heads of some 40 parked sessions are in memory at least. */
const LANE_MEMORY_COMMANDS = 4_096;
/** A session with fewer in memory is fetched more of. */
const SESSION_REFILL_BELOW = 8;

interface RefillDependencies {
  readonly queue: LaneQueue;
  readonly parked: ParkedLane;
  /** False while nothing shall come into memory. */
  open(): boolean;
  admit(batch: ParkedBatch): void;
}

/** Fetches what is parked of one lane as far as there is room: one fetch at a time, since two would find the same. */
export class LaneRefill {
  readonly #deps: RefillDependencies;
  #running: Promise<void> | undefined;

  constructor(deps: RefillDependencies) {
    this.#deps = deps;
  }

  /** Every session that is parked gets its head into memory; with `only`, each that goes on with such a command. */
  async run(only?: LaneUse): Promise<void> {
    while (this.#running) await this.#running;
    if (!this.#deps.parked.hasMore) return;
    this.#running = this.#fetch(only).finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** Waits for a fetch that is under way, however it ends. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  async #fetch(only: LaneUse | undefined): Promise<void> {
    const { queue, parked, open, admit } = this.#deps;
    const wants = (sessionId: string) => queue.of(sessionId).length < SESSION_REFILL_BELOW;
    while (parked.hasMore && queue.size < LANE_MEMORY_COMMANDS && open()) {
      const fetched = await parked.fetch(admit, wants, only);
      if (fetched === 0 || queue.size >= REFILL_BELOW) return;
    }
  }
}

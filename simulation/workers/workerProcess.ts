import { commandIdOfPosition } from '../../src/core/ids.js';
import { createDeadLetters } from '../../src/streams/deadLetters.js';
import { createParking } from '../../src/streams/parking.js';
import { partitionOf } from '../../src/streams/subjects.js';
import type { FaultPoint } from '../../src/workers/execute/executeContext.js';
import type { PresetPort } from '../../src/workers/presetPort.js';
import { Worker } from '../../src/workers/worker.js';
import type { WorkerDependencies, WorkerLimits } from '../../src/workers/workerOptions.js';
import { connectionOf } from '../bus/connection.js';
import { inboxOf } from '../bus/inbox.js';
import { logPortOf, NO_LIVE } from '../bus/logPort.js';
import { imageStoreOf } from '../bus/stores.js';
import type { Process } from '../kernel/process.js';
import { gateOf } from '../unity/gateClient.js';
import type { World } from '../world.js';

/** Small enough that limits are met, large enough that work gets on. */
const LIMITS: WorkerLimits = {
  partitions: 2,
  maxInflight: 64,
  batchSize: 4,
  queueWatermark: 0.75,
  retry: { maxAttempts: 4, baseMs: 10, maxMs: 200 },
  ledger: { maxKeys: 256, termMs: 7 * 86_400_000 },
  parkAfterMs: 700,
  maxHoldPollMs: 200,
  drainMs: 1_000,
  duplicateWindowMs: 60_000,
};
const LOOK_EVERY_MS = 300;
const FIRST_LOOK_MS = 20;
const BEGIN_AGAIN_MS = 100;

/**
 * One worker process: production's `Worker` with ports that lead into the simulated world. It takes and gives partitions as the world
 * wishes; whoever wishes so may be wrong, safety must not depend on it.
 */
export class WorkerProcess {
  readonly process: Process;
  readonly #world: World;
  #worker: Worker | undefined;
  #left = false;
  readonly #busy = new Set<number>();

  constructor(process: Process, world: World) {
    this.process = process;
    this.#world = world;
    process.after(0, () => void this.#begin());
    process.after(FIRST_LOOK_MS, () => this.#look());
  }

  /** SIGTERM: gives everything away and ends. */
  leave(): void {
    this.#left = true;
    this.process.after(0, () => {
      const worker = this.#worker;
      this.#worker = undefined;
      void Promise.resolve(worker?.stop()).finally(() => this.process.kill());
    });
  }

  /** The connection was gone and is back. */
  reconnected(): void {
    this.process.after(0, () => void this.#worker?.reconnected());
  }

  async #begin(): Promise<void> {
    const again = (): void => void this.process.after(BEGIN_AGAIN_MS, () => void this.#begin());
    try {
      const abort = new AbortController();
      const worker = new Worker(await this.#dependencies(abort.signal, again));
      await worker.start();
      this.#worker = worker;
    } catch {
      again();
    }
  }

  /** Level with what is wished: one step a partition at a time. */
  #look(): void {
    if (this.#left) return;
    for (const [partition, owner] of this.#world.wishes.entries()) {
      const worker = this.#worker;
      if (!worker || this.#busy.has(partition)) continue;
      const has = worker.claims.has(partition);
      if (has === (owner === this)) continue;
      this.#busy.add(partition);
      const step = has ? worker.give(partition) : worker.take(partition);
      this.#world.trace(this.process, has ? 'gives' : 'takes', partition);
      step
        .catch((error: unknown) =>
          this.#world.trace(this.process, 'could not', `${partition}: ${String(error)}`),
        )
        .finally(() => this.#busy.delete(partition));
    }
    this.process.after(LOOK_EVERY_MS, () => this.#look());
  }

  async #dependencies(signal: AbortSignal, lost: () => void): Promise<WorkerDependencies> {
    const { process } = this;
    const world = this.#world;
    const { network, streams, commands } = world;
    const connection = connectionOf(process, network, streams);
    const nothing = (): void => undefined;
    return {
      inbox: inboxOf(process, network, commands),
      log: logPortOf(process, network, connection, world.log),
      images: imageStoreOf(process, network, world.images, signal),
      uploads: { get: async () => ({ state: 'absent' }) },
      presets: PRESETS,
      deadLetters: createDeadLetters(connection, process.clock, signal),
      parking: await createParking(connection, process.clock, signal),
      live: NO_LIVE,
      gate: gateOf(process, network, () => world.gate),
      clock: process.clock,
      limits: LIMITS,
      listener: {
        finished: nothing,
        startedAfter: nothing,
        retried: nothing,
        deadLettered: nothing,
        holding: nothing,
        paused: nothing,
        warn: (message, error) => world.trace(process, 'warns', `${message} ${String(error)}`),
        lost: (error) => {
          world.trace(process, 'lost', String(error));
          this.#worker = undefined;
          lost();
        },
      },
      random: () => process.kernel.random.next(),
      partitionOf: (editor) => partitionOf(editor, LIMITS.partitions),
      commandIdOfPosition: (seq, index) => commandIdOfPosition(commands.created, seq, index),
      faultPoint: (name: FaultPoint) => world.atFaultPoint(process, name),
      cancels: world.cancels.portOf(process, network),
    };
  }
}

/** A unit of two scripts: what a preset is to the worker. */
const PRESETS: PresetPort = {
  files: async (_id, folder = 'Assets/Preset') =>
    ['One', 'Two'].map((name) => ({
      path: `${folder}/${name}.cs`,
      bytes: Buffer.from(`class ${name} { }\n`),
      meta: null,
    })),
};

import { Worker } from '../../src/workers/worker.js';
import type { WorkerDependencies } from '../../src/workers/workerOptions.js';

/** The one worker of a pipeline: takes every partition as soon as it is started. */
export class OnlyWorker extends Worker {
  readonly #partitions: number;

  constructor(deps: WorkerDependencies) {
    super(deps);
    this.#partitions = deps.limits.partitions;
  }

  override async start(): Promise<void> {
    await super.start();
    try {
      for (let partition = 0; partition < this.#partitions; partition++) await this.take(partition);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }
}

import type { LogEntry } from '../../src/projections/logEntries.js';
import { endOfMessage, readAfter } from '../../src/projections/logPosition.js';
import { entryOfStored, follow } from '../bus/logPort.js';
import type { Process } from '../kernel/process.js';
import type { World } from '../world.js';

const REQUEST_MS = 1_000;
const AGAIN_MS = 100;

/**
 * A projector process: reads the log from the checkpoint on, gathers a batch, writes it in one transaction. Whatever goes wrong, it begins
 * again from the checkpoint. Two of them may run at once.
 */
export class ProjectorProcess {
  readonly process: Process;
  readonly #world: World;

  constructor(process: Process, world: World) {
    this.process = process;
    this.#world = world;
    process.after(0, () => void this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      const ended = new AbortController();
      try {
        await this.#session(ended);
      } catch {
        // From the checkpoint, once more.
      } finally {
        ended.abort();
      }
      await this.process.clock.sleep(AGAIN_MS);
    }
  }

  /** Until something goes wrong. */
  async #session(ended: AbortController): Promise<void> {
    const { signal } = ended;
    const { network, database, log, kernel } = this.#world;
    let lastSeq = await network.request(this.process, REQUEST_MS, () => database.checkpoint);
    let batch: LogEntry[] = [];
    let writing = false;
    const write = async (): Promise<void> => {
      await this.process.clock.sleep(kernel.random.between(1, 40), signal);
      const entries = batch;
      batch = [];
      const events = entries.flatMap((entry) => entry.events);
      const toSeq = endOfMessage(entries.at(-1)?.streamSeq ?? 0);
      const step = { fromSeq: lastSeq, toSeq };
      await network.request(this.process, REQUEST_MS, () => {
        database.commit(step, events);
        this.#world.trace(this.process, 'commits', toSeq);
      });
      lastSeq = toSeq;
    };
    const writeAll = async (): Promise<void> => {
      writing = true;
      try {
        while (batch.length > 0) await write();
      } catch {
        ended.abort();
      } finally {
        writing = false;
      }
    };
    for await (const message of follow(this.process, network, log, readAfter(lastSeq), signal)) {
      batch.push(entryOfStored(message));
      if (!writing) void writeAll();
    }
  }
}

import type { Refusal } from '../../src/commands/problems.js';
import { isEnd, type TerminalEvent } from '../../src/events/event.js';
import { partitionOf } from '../../src/streams/subjects.js';
import type { FaultPoint } from '../../src/workers/execute/executeContext.js';
import type { Inbound } from '../../src/workers/ports.js';
import type { WorkerDependencies, WorkerLimits } from '../../src/workers/workerOptions.js';
import { AutoClock, eventually } from './autoClock.js';
import { ACCEPTED_AT, aCommand, type CommandWish, inbound } from './commandFixtures.js';
import { MemoryGate } from './memoryGate.js';
import {
  MemoryImageStore,
  MemoryInbox,
  MemoryLetters,
  MemoryParking,
  MemoryPartitionLogs,
  memoryCommandId,
} from './memoryStreams.js';
import { MemoryUploads } from './memoryUploads.js';
import { OnlyWorker } from './onlyWorker.js';

export const RIG_LIMITS: WorkerLimits = {
  partitions: 2,
  maxInflight: 1_000,
  batchSize: 16,
  queueWatermark: 0.75,
  retry: { maxAttempts: 3, baseMs: 10, maxMs: 100 },
  ledger: { maxKeys: 10_000, termMs: 7 * 86_400_000 },
  parkAfterMs: 2_000,
  maxHoldPollMs: 200,
  drainMs: 1_000,
  duplicateWindowMs: 120_000,
};

/** Everything around a worker that outlives it: streams, editors, time. */
export class WorkerWorld {
  readonly clock = new AutoClock();
  readonly inbox = new MemoryInbox();
  readonly logs = new MemoryPartitionLogs();
  readonly images = new MemoryImageStore();
  readonly uploads = new MemoryUploads();
  readonly letters = new MemoryLetters();
  readonly parking = new MemoryParking();
  readonly gate = new MemoryGate();
  /** Publishes a command; returns its place. */
  publish(wish: CommandWish = {}): number {
    return this.publishMany([wish]);
  }

  /** One message of several commands. */
  publishMany(wishes: readonly CommandWish[]): number {
    const partition = partitionOf(wishes[0]?.editor ?? 'default', RIG_LIMITS.partitions);
    const count = wishes.length;
    return this.inbox.publish(partition, (seq) =>
      wishes.map((wish, index) => inbound(aCommand({ ...wish, seq, index, count, partition }))),
    );
  }

  publishBad(sessionId: string | null, refusal: Refusal): number {
    return this.inbox.publish(0, (seq): Inbound[] => [
      {
        kind: 'bad',
        refusal,
        commandId: memoryCommandId(seq, 0),
        position: { partition: 0, seq, index: 0, count: 1 },
        acceptedAt: ACCEPTED_AT,
        sessionId,
        editor: null,
        type: null,
        meta: aCommand(),
      },
    ]);
  }

  get ends(): TerminalEvent[] {
    return this.logs.events.flatMap((event) => (isEnd(event) ? [event] : []));
  }

  /** Waits until every message is acknowledged. */
  settled(): Promise<void> {
    return eventually(
      () => this.inbox.unacked.length === 0,
      `acknowledgement of ${this.inbox.unacked.join()}`,
    );
  }

  /** Sequences of commands in the order of their effects, for one session. */
  effectsOf(sessionSuffix: string): string[] {
    return this.gate.effects.filter(({ path }) => path.includes(sessionSuffix)).map(({ path }) => path);
  }
}

export interface RunningWorker {
  readonly worker: OnlyWorker;
  readonly warnings: string[];
  readonly lost: unknown[];
  readonly pauses: boolean[];
  readonly deps: WorkerDependencies;
}

/** A worker of that world; started unless told otherwise. */
export async function aWorker(
  world: WorkerWorld,
  over: { limits?: Partial<WorkerLimits>; faultPoint?: (name: FaultPoint) => void; start?: boolean } = {},
): Promise<RunningWorker> {
  const warnings: string[] = [];
  const lost: unknown[] = [];
  const pauses: boolean[] = [];
  const nothing = (): void => undefined;
  const deps: WorkerDependencies = {
    inbox: world.inbox,
    log: world.logs,
    images: world.images,
    uploads: world.uploads,
    deadLetters: world.letters,
    parking: world.parking,
    live: { published: nothing, progress: nothing, frame: nothing },
    gate: world.gate,
    clock: world.clock,
    limits: { ...RIG_LIMITS, ...over.limits },
    listener: {
      finished: nothing,
      startedAfter: nothing,
      retried: nothing,
      deadLettered: nothing,
      holding: nothing,
      paused: (paused) => pauses.push(paused),
      warn: (message) => warnings.push(message),
      lost: (error) => lost.push(error),
    },
    random: () => 0.5,
    partitionOf: (editor) => partitionOf(editor, RIG_LIMITS.partitions),
    commandIdOfPosition: memoryCommandId,
    faultPoint: over.faultPoint ?? nothing,
  };
  const worker = new OnlyWorker(deps);
  if (over.start !== false) await worker.start();
  return { worker, warnings, lost, pauses, deps };
}

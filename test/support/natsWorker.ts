import { systemClock } from '../../src/core/clock.js';
import { commandIdOfPosition } from '../../src/core/ids.js';
import { createCommandInbox } from '../../src/streams/commandInbox.js';
import type { NatsConnection } from '../../src/streams/connection.js';
import { createDeadLetters } from '../../src/streams/deadLetters.js';
import { createImageStore } from '../../src/streams/imageStore.js';
import { logFollowing } from '../../src/streams/logReader.js';
import { createParking } from '../../src/streams/parking.js';
import { claimPartition } from '../../src/streams/partitionLog.js';
import { partitionOf } from '../../src/streams/subjects.js';
import { createUploads } from '../../src/streams/uploads.js';
import type { EditorGate } from '../../src/workers/editor.js';
import type { WorkerDependencies } from '../../src/workers/workerOptions.js';
import { TEST_TOPOLOGY } from './freshStreams.js';
import { RIG_LIMITS } from './workerRig.js';

const nothing = (): void => undefined;

/** What a worker needs, on a real nats-server, before an editor in memory. `lost`: told when it is fenced. */
export async function natsWorkerDependencies(
  nc: NatsConnection,
  gate: EditorGate,
  stop: AbortSignal,
  lost: (error: unknown) => void,
): Promise<WorkerDependencies> {
  const live = { published: nothing, progress: nothing, frame: nothing };
  const limits = { batchEvents: 250, batchBytes: 512 * 1024 };
  const stats = { waiting: nothing, acked: nothing, published: nothing, failed: nothing };
  const inbox = await createCommandInbox(nc, TEST_TOPOLOGY.partitions);
  return {
    inbox,
    log: {
      claim: (partition) => claimPartition(nc, partition, { clock: systemClock, live, limits, stats }),
      ...logFollowing(nc),
    },
    images: await createImageStore(nc, systemClock, stop),
    uploads: await createUploads(nc, systemClock, { ttlMs: TEST_TOPOLOGY.uploadTtlMs }),
    deadLetters: createDeadLetters(nc, systemClock, stop),
    parking: await createParking(nc, systemClock, stop),
    live,
    gate,
    clock: systemClock,
    limits: {
      ...RIG_LIMITS,
      partitions: TEST_TOPOLOGY.partitions,
      parkAfterMs: 150,
      maxHoldPollMs: 100,
      drainMs: 200,
    },
    listener: {
      finished: nothing,
      startedAfter: nothing,
      retried: nothing,
      deadLettered: nothing,
      holding: nothing,
      paused: nothing,
      warn: nothing,
      lost,
    },
    random: Math.random,
    partitionOf: (editor) => partitionOf(editor, TEST_TOPOLOGY.partitions),
    commandIdOfPosition: (seq, index) => commandIdOfPosition(inbox.streamCreated, seq, index),
    faultPoint: nothing,
  };
}

import type { Config } from '../config.js';
import { commandIdOfPosition } from '../core/ids.js';
import { loadPresets } from '../presets/library.js';
import { watchCancels } from '../streams/cancels.js';
import { createCommandInbox } from '../streams/commandInbox.js';
import type { NatsConnection } from '../streams/connection.js';
import { createDeadLetters } from '../streams/deadLetters.js';
import { createImageStore } from '../streams/imageStore.js';
import { createLiveFeed } from '../streams/liveFeed.js';
import { logFollowing } from '../streams/logReader.js';
import { createParking } from '../streams/parking.js';
import { claimPartition } from '../streams/partitionLog.js';
import { partitionOf } from '../streams/subjects.js';
import { createUploads } from '../streams/uploads.js';
import type { WorkerDependencies, WorkerLimits } from '../workers/workerOptions.js';
import type { Circuits } from './circuits.js';
import { type RoleContext, topologyLimits } from './context.js';
import { createFaultPoint } from './faultPoint.js';
import { createRoleGate } from './gateChoice.js';
import { createLogStats } from './logStats.js';
import type { RoleServices } from './services.js';
import type { WorkerEditors } from './workerEditors.js';
import { createWorkerListener } from './workerListener.js';

/** Everything a worker works with, joined: streams, gate, services, limits. */
export async function createWorkerDependencies(
  context: RoleContext,
  nc: NatsConnection,
  circuits: Circuits,
  { services }: RoleServices,
  editors: WorkerEditors,
  signal: AbortSignal,
) {
  const { clock, logger, metrics, config } = context;
  const { gate, survey, identity } = await createRoleGate(context, editors, circuits, signal);
  const live = createLiveFeed(nc, clock, {
    frameDropped: () => metrics.inc('spark_telemetry_dropped_total', { kind: 'frame' }),
    progressDropped: () => metrics.inc('spark_telemetry_dropped_total', { kind: 'progress' }),
  });
  editors.telemetryDepth = () => live.telemetryDepth;
  const logDeps = {
    clock,
    live,
    limits: { batchEvents: config.SPARK_EVENT_BATCH, batchBytes: 512 * 1024 },
    stats: createLogStats(metrics),
  };
  const inbox = await createCommandInbox(nc, config.SPARK_PARTITIONS);
  const deps: WorkerDependencies = {
    inbox,
    log: {
      claim: (partition) => claimPartition(nc, partition, logDeps),
      ...logFollowing(nc),
    },
    images: await createImageStore(nc, clock, signal),
    uploads: await createUploads(nc, clock, { ttlMs: config.SPARK_UPLOAD_TTL_MS }),
    services,
    cancels: watchCancels(nc, clock),
    deadLetters: createDeadLetters(nc, clock, signal),
    parking: await createParking(nc, clock, signal),
    live,
    gate,
    clock,
    limits: workerLimits(config),
    listener: editors.listening(createWorkerListener(metrics, logger)),
    paused: (editor) => editors.paused(editor),
    random: Math.random,
    presets: await loadPresets(),
    partitionOf: (editor) => partitionOf(editor, config.SPARK_PARTITIONS),
    commandIdOfPosition: (seq, index) => commandIdOfPosition(inbox.streamCreated, seq, index),
    faultPoint: createFaultPoint(config.SPARK_FAULT_POINT),
  };
  return { deps, gate, survey, gateId: identity };
}

function workerLimits(config: Config): WorkerLimits {
  return {
    partitions: config.SPARK_PARTITIONS,
    maxInflight: config.MCP_MAX_INFLIGHT,
    batchSize: config.MCP_BATCH_SIZE,
    queueWatermark: config.MCP_QUEUE_WATERMARK,
    retry: {
      maxAttempts: config.MCP_MAX_ATTEMPTS,
      baseMs: config.MCP_RETRY_BASE_MS,
      maxMs: config.MCP_RETRY_MAX_MS,
    },
    ledger: { maxKeys: config.SPARK_LEDGER_MAX_KEYS, termMs: config.SPARK_LEDGER_TERM_MS },
    parkAfterMs: config.MCP_PARK_AFTER_MS,
    builds: {
      timeoutMs: config.MCP_BUILD_TIMEOUT_MS,
      maxPollMs: config.MCP_BUILD_POLL_MS,
      graceMs: config.MCP_BUILD_GRACE_MS,
    },
    callTool: config.MCP_CALL_TOOL === 'on',
    maxHoldPollMs: 2_000,
    drainMs: config.MCP_DRAIN_MS,
    duplicateWindowMs: topologyLimits(config).duplicateWindowMs,
  };
}

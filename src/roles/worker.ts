import { randomInt } from 'node:crypto';
import type { Config } from '../config.js';
import { bounded } from '../core/bounded.js';
import { pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import { commandIdOfPosition } from '../core/ids.js';
import type { Service } from '../core/service.js';
import { loadPresets } from '../presets/library.js';
import { watchCancels } from '../streams/cancels.js';
import { createCommandInbox } from '../streams/commandInbox.js';
import { connectRole, type NatsConnection, onReconnect } from '../streams/connection.js';
import { createDeadLetters } from '../streams/deadLetters.js';
import { createImageStore } from '../streams/imageStore.js';
import { createLiveFeed } from '../streams/liveFeed.js';
import { replayLog } from '../streams/logReader.js';
import { createParking } from '../streams/parking.js';
import { claimPartition } from '../streams/partitionLog.js';
import { partitionOf } from '../streams/subjects.js';
import { createUploads } from '../streams/uploads.js';
import { onReleased, ownerAnswers, serveWorkerQueries, tellReleased } from '../streams/workerRpc.js';
import { fileFenceStore } from '../unity/fenceStore.js';
import { createEditorGate } from '../unity/gate.js';
import { createWorkerAnswers } from '../workers/answers.js';
import { Worker } from '../workers/worker.js';
import type { WorkerDependencies, WorkerLimits } from '../workers/workerOptions.js';
import { Circuits } from './circuits.js';
import { type RoleContext, topologyLimits } from './context.js';
import { furtherUrlsOf } from './editors.js';
import { createFaultPoint } from './faultPoint.js';
import { createLogStats } from './logStats.js';
import { createRateLimits } from './rateLimits.js';
import { createRoleServices, type RoleServices } from './services.js';
import { WorkerEditors } from './workerEditors.js';
import { createWorkerListener } from './workerListener.js';

const STANDBY_POLL_MS = 1_000;
const STOP_STEP_MS = 1_500;

export interface WorkerRole extends Service {
  readonly state: 'stopped' | 'standby' | 'working';
  readonly circuits: Circuits;
}

/** One worker: stands by while another owns the partitions, takes them over when that one is silent. */
export async function createWorkerRole(context: RoleContext): Promise<WorkerRole> {
  const { parts, clock, logger, config } = context;
  const nc = await connectRole('worker', parts.nats.url, parts.nats.credentials('worker'));
  const abort = new AbortController();
  const circuits = new Circuits(context);
  const roleServices = createRoleServices(context, circuits);
  const editors = new WorkerEditors(context, nc);
  const { deps, gate } = await dependencies(context, nc, circuits, roleServices, editors, abort.signal);
  const { rate, gossip } = createRateLimits(context, nc);
  const worker = new Worker({ ...deps, rate });
  editors.watch(worker, (signal) => gate.survey(signal));
  let stopServing: (() => void) | undefined;
  let state: WorkerRole['state'] = 'stopped';
  let keeping: Promise<void> | undefined;

  const takeOver = async (): Promise<void> => {
    await ownerSilent(nc, context, abort.signal, () => {
      if (state !== 'standby') logger.info({}, 'another worker owns the lanes; this one stands by');
      state = 'standby';
    });
    if (abort.signal.aborted) return;
    // Answered from the claim on, not only after the replay of a long log: silence would invite another worker to take over.
    stopServing = serveWorkerQueries(nc, createWorkerAnswers(worker, deps, editors));
    try {
      await worker.start();
    } catch (error) {
      stopServing();
      throw error;
    }
    if (worker.view) state = 'working';
  };
  const keepTrying = async (): Promise<void> => {
    stopServing?.();
    state = 'standby';
    for (;;) {
      await pause(clock, STANDBY_POLL_MS, abort.signal);
      if (abort.signal.aborted) return;
      try {
        return await takeOver();
      } catch (error) {
        logger.error({ error: messageOf(error) }, 'the worker could not take the lanes; it tries again');
      }
    }
  };
  deps.listener.lost = (error) => {
    logger.error({ error: messageOf(error) }, 'lost the lanes to another owner; everything held was dropped');
    tellReleased(nc);
    keeping = keepTrying();
  };
  onReconnect(nc, () => void worker.reconnected());
  onReleased(nc, () => void worker.reconnected());
  observe(context, worker, config, editors);
  return {
    name: 'worker',
    circuits,
    get state() {
      return state;
    },
    start: async () => {
      await Promise.all([editors.start(), gossip.start()]);
      // A standby is a started worker too: it takes over whenever the owner falls silent.
      if (await ownerAnswers(nc)) keeping = takeOver().catch(keepTrying);
      else await takeOver();
    },
    stop: async () => {
      abort.abort();
      stopServing?.();
      await bounded(clock, STOP_STEP_MS, keeping);
      const services = { stop: () => roleServices.close() };
      await stopInOrder(context, worker, [gossip, editors, gate, services], nc);
      state = 'stopped';
    },
  };
}

/** The worker first: what runs may still need the others. */
async function stopInOrder(
  { clock, config }: RoleContext,
  worker: Worker,
  others: readonly { stop(): unknown }[],
  nc: NatsConnection,
): Promise<void> {
  await bounded(clock, config.MCP_DRAIN_MS + STOP_STEP_MS, worker.stop());
  await bounded(clock, STOP_STEP_MS, Promise.all(others.map((other) => other.stop())));
  await bounded(clock, STOP_STEP_MS, nc.close());
}

/** Resolves once nobody answers as the owner of the lanes. */
async function ownerSilent(
  nc: NatsConnection,
  { clock, logger }: RoleContext,
  signal: AbortSignal,
  onStandby: () => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (!(await ownerAnswers(nc))) return;
      onStandby();
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'cannot ask for the owner of the lanes yet');
    }
    await pause(clock, STANDBY_POLL_MS + randomInt(250), signal);
  }
}

async function dependencies(
  context: RoleContext,
  nc: NatsConnection,
  circuits: Circuits,
  { services }: RoleServices,
  editors: WorkerEditors,
  signal: AbortSignal,
) {
  const { parts, clock, logger, metrics, config } = context;
  const gate = createEditorGate({
    serverUrl: parts.unity.mcpUrl,
    clock,
    ...(parts.unity.token ? { auth: { bearer: parts.unity.token, apiKey: parts.unity.token } } : {}),
    editors: parts.unity.editors,
    ...(parts.unity.resolve ? { resolve: parts.unity.resolve } : {}),
    registry: editors.registry.entries,
    furtherUrls: furtherUrlsOf(config),
    fenceStore: fileFenceStore(context.stateDir),
    circuitOf: (url) => circuits.ofUnity(url),
    timeouts: {
      readMs: config.UNITY_READ_TIMEOUT_MS,
      renderMs: config.UNITY_RENDER_TIMEOUT_MS,
      buildStartMs: config.UNITY_BUILD_START_TIMEOUT_MS,
      mutationMs: config.UNITY_MUTATION_TIMEOUT_MS,
    },
    onCall: ({ editor, tool, outcome, durationMs }) => {
      if (outcome !== 'away') editors.health.called(editor);
      metrics.inc('spark_editor_calls_total', { tool, answer: outcome });
      metrics.observe('spark_editor_call_duration_seconds', { tool }, durationMs / 1_000);
    },
  });
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
  const inbox = await createCommandInbox(nc);
  const deps: WorkerDependencies = {
    inbox,
    log: {
      claim: (partition) => claimPartition(nc, partition, logDeps),
      replay: (onEvent, replaySignal) => replayLog(nc, onEvent, replaySignal),
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
  return { deps, gate };
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

function observe({ metrics }: RoleContext, worker: Worker, config: Config, editors: WorkerEditors): void {
  metrics.collect('spark_inflight_limit', () => worker.inFlightLimit);
  metrics.collect('spark_commands_in_flight', () => worker.view?.dispatcher.inFlight.commands ?? 0);
  metrics.collect('spark_queue_depth', () => [
    { labels: { lane: 'telemetry' }, value: editors.telemetryDepth() },
    ...(worker.view?.dispatcher.lanes ?? [])
      .slice(0, config.SPARK_PARTITIONS * 250)
      .map((lane) => ({ labels: { lane: lane.editor }, value: lane.depth })),
  ]);
}

import { randomUUID } from 'node:crypto';
import type { Config } from '../config.js';
import { bounded } from '../core/bounded.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import { connectRole, type NatsConnection, onReconnect } from '../streams/connection.js';
import { createFleetBoard } from '../streams/fleetBoard.js';
import { TelemetryKeeper } from '../streams/telemetryKeeper.js';
import { onReleased, tellReleased, WorkerAnswering } from '../streams/workerRpc.js';
import { createWorkerAnswers } from '../workers/answers.js';
import { Fleet, type FleetListener } from '../workers/fleet/fleet.js';
import { Worker } from '../workers/worker.js';
import { Circuits } from './circuits.js';
import { type RoleContext, topologyLimits } from './context.js';
import { observeLedger } from './ledgerMetrics.js';
import { createRateLimits } from './rateLimits.js';
import { createRoleServices } from './services.js';
import { createWorkerDependencies } from './workerDependencies.js';
import { WorkerEditors } from './workerEditors.js';

const STOP_STEP_MS = 1_500;
const LEAVE_STEP_MS = 500;

export interface WorkerRole extends Service {
  readonly state: 'stopped' | 'standby' | 'working';
  readonly circuits: Circuits;
}

/** One worker of a fleet: takes its part of the partitions, or stands by while others have them all. */
export async function createWorkerRole(context: RoleContext): Promise<WorkerRole> {
  const { parts, clock, logger, metrics, config } = context;
  const nc = await connectRole('worker', parts.nats.url, parts.nats.credentials('worker'));
  const abort = new AbortController();
  const circuits = new Circuits(context);
  const roleServices = createRoleServices(context, circuits);
  const editors = new WorkerEditors(context, nc);
  const { deps, gate, survey, gateId } = await createWorkerDependencies(
    context,
    nc,
    circuits,
    roleServices,
    editors,
    abort.signal,
  );
  const { rate, gossip } = createRateLimits(context, nc);
  const worker = new Worker({ ...deps, rate });
  editors.watch(worker, survey);
  const workerId = randomUUID();
  const answering = new WorkerAnswering(nc, workerId, createWorkerAnswers(worker, deps, editors));
  const fleet = new Fleet({
    workerId,
    gate: gateId,
    partitions: config.SPARK_PARTITIONS,
    beatMs: config.SPARK_WORKER_BEAT_MS,
    leaveMs: config.MCP_DRAIN_MS + LEAVE_STEP_MS,
    board: createFleetBoard(nc, clock),
    worker,
    clock,
    listener: fleetListener(context, answering),
  });
  deps.listener.lost = (error) => {
    logger.error(
      { error: messageOf(error) },
      'lost a partition to another owner; everything held was dropped',
    );
    answering.disownAll();
    tellReleased(nc);
    void fleet.restart();
  };
  const telemetry = keepTelemetry(context, nc);
  onReconnect(nc, () => void worker.reconnected());
  onReleased(nc, () => void worker.reconnected());
  observe(context, worker, config, editors);
  observeLedger(metrics, () => worker.view?.state.ledger, deps.limits.ledger, clock);
  let started = false;
  return {
    name: 'worker',
    circuits,
    get state() {
      if (!started) return 'stopped';
      return worker.claims.size > 0 ? 'working' : 'standby';
    },
    start: async () => {
      await Promise.all([editors.start(), gossip.start()]);
      await fleet.start();
      started = true;
      logger.info({ workerId }, 'this worker has joined the others');
    },
    stop: async () => {
      abort.abort();
      await bounded(clock, config.MCP_DRAIN_MS + STOP_STEP_MS, fleet.stop());
      answering.disownAll();
      const services = { stop: () => roleServices.close() };
      await stopInOrder(context, worker, [telemetry, gossip, editors, gate, services], nc);
      started = false;
    },
  };
}

/** Workers make telemetry, so they see to it that its stream is there. */
function keepTelemetry({ parts, config, clock, logger }: RoleContext, nc: NatsConnection): TelemetryKeeper {
  const keeper = new TelemetryKeeper({
    connect: () => connectRole('admin', parts.nats.url, parts.nats.credentials('admin')),
    limits: topologyLimits(config),
    clock,
    restored: () => logger.info({}, 'NATS had lost the telemetry stream in a restart: it is there again'),
    refused: (error) => logger.warn({ error: messageOf(error) }, 'NATS refuses the telemetry stream'),
  });
  onReconnect(nc, () => keeper.look());
  return keeper;
}

function fleetListener({ logger, metrics }: RoleContext, answering: WorkerAnswering): FleetListener {
  return {
    taken: (partition) => {
      answering.own(partition);
      metrics.inc('spark_partition_moves_total', { move: 'taken' });
      logger.debug({ partition }, 'took a partition');
    },
    given: (partition) => {
      answering.disown(partition);
      metrics.inc('spark_partition_moves_total', { move: 'given' });
      logger.debug({ partition }, 'gave a partition away');
    },
    standsBy: (reason) => {
      if (reason === undefined) logger.info({}, 'this worker takes its part of the work');
      else logger.warn({ reason }, 'this worker stands by');
    },
    warn: (message, error) => logger.warn({ error: messageOf(error) }, message),
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

function observe({ metrics }: RoleContext, worker: Worker, config: Config, editors: WorkerEditors): void {
  metrics.collect('spark_partitions_owned', () => worker.claims.size);
  metrics.collect('spark_inflight_limit', () => worker.inFlightLimit);
  metrics.collect('spark_commands_in_flight', () => worker.view?.dispatcher.inFlight.commands ?? 0);
  metrics.collect('spark_queue_depth', () => [
    { labels: { lane: 'telemetry' }, value: editors.telemetryDepth() },
    ...(worker.view?.dispatcher.lanes ?? [])
      .slice(0, config.SPARK_PARTITIONS * 250)
      .map((lane) => ({ labels: { lane: lane.editor }, value: lane.depth })),
  ]);
}

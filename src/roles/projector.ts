import { bounded } from '../core/bounded.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import type { ReadinessCheck } from '../http/ports.js';
import type { Metrics } from '../observability/metrics.js';
import { createPool } from '../postgres/pools.js';
import { createOverlay } from '../projections/acceptedOverlay/overlay.js';
import {
  createDeadLetterActionProjector,
  createDeadLetterProjector,
} from '../projections/deadLetters/projector.js';
import { createHeartbeat } from '../projections/heartbeat.js';
import { createProjector } from '../projections/projector.js';
import type { BatchStats } from '../projections/projectorOptions.js';
import { createCommandSource } from '../streams/commandSource.js';
import { connectRole } from '../streams/connection.js';
import { createDeadLetterActionSource } from '../streams/deadLetterActions.js';
import { createDeadLetterSource } from '../streams/deadLetters.js';
import { createImageStore } from '../streams/imageStore.js';
import { createLogEnd, createLogSource } from '../streams/logReader.js';
import type { RoleContext } from './context.js';
import { poolReadings } from './observePostgres.js';
import { observeProjectionLag } from './projectionLag.js';
import { checkStates, observeStates, type ProjectionName, tellingOf } from './projectionStates.js';
import { createRetentionService } from './retention.js';

const STOP_STEP_MS = 1_500;

export interface ProjectorRole extends Service {
  /** Fails when a projection has stopped for good. */
  readonly check: ReadinessCheck;
}

/** The projections: the log, the overlay of accepted commands and the dead letters, each with a checkpoint of its own. */
export async function createProjectorRole(context: RoleContext): Promise<ProjectorRole> {
  const { parts, clock, logger, metrics, config } = context;
  const nc = await connectRole('projector', parts.nats.url, parts.nats.credentials('projector'));
  const pool = createPool({
    url: parts.postgres.urlOf('spark_projector', 'primary'),
    applicationName: 'spark-projector',
    maxConnections: 9,
    statementTimeoutMs: 60_000,
    onError: (error) =>
      logger.warn({ error: messageOf(error) }, 'the projector lost a connection to Postgres'),
  });
  const abort = new AbortController();
  const told = (name: ProjectionName) => tellingOf(name, logger, metrics);
  const overlay = createOverlay({
    pool,
    source: await createCommandSource(nc, config.SPARK_PARTITIONS),
    clock,
    ...told('accepted_overlay'),
  });
  const projector = createProjector({
    pool,
    logSource: await createLogSource(nc),
    imageSource: await createImageStore(nc, clock, abort.signal),
    clock,
    onCommands: (commandIds) => overlay.seen(commandIds),
    onBatch: (stats) => observeBatch(metrics, stats),
    ...told('log'),
  });
  const deadLetters = createDeadLetterProjector({
    pool,
    source: await createDeadLetterSource(nc),
    clock,
    ...told('dead_letters'),
  });
  const deadLetterActions = createDeadLetterActionProjector({
    pool,
    source: await createDeadLetterActionSource(nc),
    clock,
    ...told('dead_letter_actions'),
  });
  const logEnd = await createLogEnd(nc);
  const askingPool = createAskingPool(context);
  observeProjectionLag(metrics, { pool: askingPool, clock, logEnd });
  const heartbeat = createHeartbeat({
    ...{ pool: askingPool, clock, logEnd },
    onError: (error) =>
      logger.warn({ error: messageOf(error) }, 'the end of the log cannot be written down just now'),
  });
  const states = {
    ...{ log: projector, accepted_overlay: overlay },
    ...{ dead_letters: deadLetters, dead_letter_actions: deadLetterActions },
  };
  observeStates(metrics, states);
  countPoisonFromZero(metrics);
  metrics.collect('spark_pool_connections', () => poolReadings('projector', pool), 'projector');
  const retention = createRetentionService(context, { pool, logEnd });
  const services = [projector, overlay, deadLetters, deadLetterActions, heartbeat, retention];
  return {
    name: 'projector',
    check: checkStates(states),
    start: async () => void (await Promise.all(services.map((service) => service.start()))),
    stop: async () => {
      // What is not committed is folded again at the next start, so a hanging server is simply left.
      await Promise.all(services.map((service) => bounded(clock, STOP_STEP_MS, service.stop())));
      abort.abort();
      await Promise.all([
        ...[pool, askingPool].map((each) => bounded(clock, STOP_STEP_MS, each.end())),
        bounded(clock, STOP_STEP_MS, nc.close()),
      ]);
    },
  };
}

/** For short questions that are asked again and again: what a frozen or lost server does not answer is given up, or it would pile up. */
function createAskingPool({ parts, logger }: RoleContext) {
  return createPool({
    url: parts.postgres.urlOf('spark_projector', 'primary'),
    applicationName: 'spark-projector-asking',
    ...{ maxConnections: 2, connectTimeoutMs: 2_000, statementTimeoutMs: 3_000, answerTimeoutMs: 3_000 },
    onError: (error) =>
      logger.debug({ error: messageOf(error) }, 'a connection for questions about the projection was lost'),
  });
}

/** What is first seen at 1 has not risen, for Prometheus: the alert would miss the first poison event. */
function countPoisonFromZero(metrics: Metrics): void {
  for (const reason of ['unreadable_event', 'poison_event'])
    metrics.inc('spark_projector_dead_letters_total', { reason }, 0);
}

function observeBatch(metrics: Metrics, { events, poisoned, unreadable, writeMs }: BatchStats): void {
  metrics.inc('spark_projector_events_total', {}, events);
  metrics.inc('spark_projector_batches_total', {});
  metrics.inc('spark_projector_dead_letters_total', { reason: 'unreadable_event' }, unreadable);
  metrics.inc('spark_projector_dead_letters_total', { reason: 'poison_event' }, poisoned - unreadable);
  metrics.observe('spark_projector_batch_events', {}, events);
  metrics.observe('spark_projector_batch_duration_seconds', {}, writeMs / 1_000);
}

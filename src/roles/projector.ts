import { bounded } from '../core/bounded.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import { createPool } from '../postgres/pools.js';
import { createOverlay } from '../projections/acceptedOverlay/overlay.js';
import {
  createDeadLetterActionProjector,
  createDeadLetterProjector,
} from '../projections/deadLetters/projector.js';
import { createProjector } from '../projections/projector.js';
import { createCommandSource } from '../streams/commandSource.js';
import { connectRole } from '../streams/connection.js';
import { createDeadLetterActionSource } from '../streams/deadLetterActions.js';
import { createDeadLetterSource } from '../streams/deadLetters.js';
import { createImageStore } from '../streams/imageStore.js';
import { createLogEnd, createLogSource } from '../streams/logReader.js';
import type { RoleContext } from './context.js';
import { observeProjectionLag } from './projectionLag.js';

const STOP_STEP_MS = 1_500;

/** The projections: the log, the overlay of accepted commands and the dead letters, each with a checkpoint of its own. */
export async function createProjectorRole(context: RoleContext): Promise<Service> {
  const { parts, clock, logger, metrics, config } = context;
  const nc = await connectRole('projector', parts.nats.url, parts.nats.credentials('projector'));
  const pool = createPool({
    url: parts.postgres.urlOf('spark_projector', 'primary'),
    applicationName: 'spark-projector',
    maxConnections: 6,
    statementTimeoutMs: 60_000,
    onError: (error) =>
      logger.warn({ error: messageOf(error) }, 'the projector lost a connection to Postgres'),
  });
  const abort = new AbortController();
  const told = (what: string) => ({
    onError: (error: unknown) =>
      logger.warn({ error: messageOf(error) }, `${what} is interrupted; it goes on by itself`),
    onFatal: (error: unknown) =>
      logger.error({ error: messageOf(error) }, `${what} has stopped and needs you`),
  });
  const overlay = createOverlay({
    pool,
    source: await createCommandSource(nc, config.SPARK_PARTITIONS),
    clock,
    ...told('the overlay of accepted commands'),
  });
  const projector = createProjector({
    pool,
    logSource: await createLogSource(nc),
    imageSource: await createImageStore(nc, clock, abort.signal),
    clock,
    onCommands: (commandIds) => overlay.seen(commandIds),
    onBatch: (stats) => {
      metrics.inc('spark_projector_events_total', {}, stats.events);
      metrics.inc('spark_projector_batches_total', {});
      metrics.observe('spark_projector_batch_events', {}, stats.events);
      metrics.observe('spark_projector_batch_duration_seconds', {}, stats.writeMs / 1_000);
    },
    ...told('the projection of the log'),
  });
  const deadLetters = createDeadLetterProjector({
    pool,
    source: await createDeadLetterSource(nc),
    clock,
    ...told('the projection of dead letters'),
  });
  const deadLetterActions = createDeadLetterActionProjector({
    pool,
    source: await createDeadLetterActionSource(nc),
    clock,
    ...told('the projection of what was done about dead letters'),
  });
  observeProjectionLag(metrics, { pool, clock, logEnd: await createLogEnd(nc) });
  const services = [projector, overlay, deadLetters, deadLetterActions];
  return {
    name: 'projector',
    start: async () => {
      await Promise.all(services.map((service) => service.start()));
    },
    stop: async () => {
      // What is not committed is folded again at the next start, so a hanging server is simply left.
      await Promise.all(services.map((service) => bounded(clock, STOP_STEP_MS, service.stop())));
      abort.abort();
      await Promise.all([bounded(clock, STOP_STEP_MS, pool.end()), bounded(clock, STOP_STEP_MS, nc.close())]);
    },
  };
}

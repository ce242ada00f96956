import { CATALOGUE } from '../commands/catalogue.js';
import { messageOf } from '../core/errors.js';
import type { FailureOutcome } from '../events/event.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { WorkerListener } from '../workers/workerOptions.js';

const OUTCOMES = [
  'completed',
  'failed',
  'rejected',
  'conflict',
  'outcome_unknown',
  'cancelled',
  'expired',
] as const satisfies readonly ('completed' | FailureOutcome)[];

/** A counter that is first seen at 1 has not risen, for Prometheus: a first failure would be in no error rate. */
function countFromZero(metrics: Metrics): void {
  for (const type of Object.keys(CATALOGUE))
    for (const outcome of OUTCOMES) metrics.inc('spark_commands_finished_total', { type, outcome }, 0);
  for (const result of ['hit', 'miss', 'shared']) metrics.inc('spark_preview_cache_total', { result }, 0);
}

/** A worker's word on itself as metrics and log lines. `lost` is set by who keeps the worker. */
export function createWorkerListener(
  metrics: Metrics,
  logger: Logger,
): WorkerListener & { lost: WorkerListener['lost'] } {
  const held = new Map<string, string>();
  countFromZero(metrics);
  return {
    finished: (type, outcome, durationMs) => {
      metrics.inc('spark_commands_finished_total', { type, outcome });
      if (durationMs !== null)
        metrics.observe('spark_command_duration_seconds', { type, outcome }, durationMs / 1_000);
    },
    startedAfter: (type, waitMs) =>
      metrics.observe('spark_command_wait_seconds', { type }, Math.max(0, waitMs) / 1_000),
    retried: (type) => metrics.inc('spark_command_retries_total', { type }),
    previewed: (source) => metrics.inc('spark_preview_cache_total', { result: source }),
    deadLettered: (reason) => metrics.inc('spark_dead_letters_total', { reason }),
    holding: (editor, reason) => {
      metrics.set('spark_editor_ready', { editor }, reason === undefined ? 1 : 0);
      if (reason === undefined) {
        if (held.delete(editor)) logger.info({ editor }, 'the editor is back');
      } else if (!held.has(editor)) {
        held.set(editor, reason);
        logger.warn({ editor, reason }, 'the editor is away: its lane waits, no attempt is spent');
      }
    },
    paused: (paused) =>
      logger.info(
        {},
        paused ? 'in-flight limit reached: pulling stops' : 'below the low water mark: pulling goes on',
      ),
    warn: (message, error) => logger.warn({ error: messageOf(error) }, message),
    lost: () => undefined,
  };
}

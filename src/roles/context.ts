import type { Config } from '../config.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { TopologyLimits } from '../streams/topology.js';
import type { Parts } from './parts.js';

/** What every role is given. */
export interface RoleContext {
  readonly config: Config;
  readonly parts: Parts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  /** Folder for what a role keeps on this machine (fence tokens). */
  readonly stateDir: string;
}

const DAY_MS = 86_400_000;

export function topologyLimits(config: Config): TopologyLimits {
  return {
    partitions: config.SPARK_PARTITIONS,
    replicas: config.NATS_REPLICAS,
    commandsMaxBytes: config.MCP_COMMANDS_MAX_BYTES,
    duplicateWindowMs: 120_000,
    deadLetterMaxAgeMs: 60 * DAY_MS,
    telemetryPerSubject: 1_000,
    uploadsMaxBytes: config.SPARK_UPLOADS_MAX_BYTES,
    uploadTtlMs: config.SPARK_UPLOAD_TTL_MS,
    cancelTtlMs: config.SPARK_LEDGER_TERM_MS,
    maxAckPending: config.MCP_MAX_INFLIGHT,
  };
}

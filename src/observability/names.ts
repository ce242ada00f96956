import { RETENTION_METRICS } from './retentionNames.js';

/**
 * Every metric of SPARK, one row each: the only place where a metric gets its name. Prefix `spark_`, base units (seconds,
 * bytes), counters end in `_total`, and no label ever carries a command, session or key: those grow without limit.
 */
interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, in the metric's unit. */
  readonly buckets?: readonly number[];
}

/** From half a millisecond to ten seconds: answers, calls, batches. */
const LATENCY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** What waits for a compile or for an editor that is away may take minutes. */
const COMMAND_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const BATCH_ITEMS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 20_000];

export const METRICS = {
  spark_build_info: {
    kind: 'gauge',
    help: 'Always 1; the labels say what runs',
    labels: ['version', 'node'],
  },

  spark_http_requests_total: {
    kind: 'counter',
    help: 'HTTP requests answered',
    labels: ['method', 'route', 'status'],
  },
  spark_http_request_duration_seconds: {
    kind: 'histogram',
    help: 'From the request head to the last byte of the answer (event streams and answers to Prefer: wait are left out)',
    labels: ['method', 'route'],
    buckets: LATENCY_SECONDS,
  },
  spark_http_requests_in_flight: { kind: 'gauge', help: 'HTTP requests being answered', labels: [] },
  spark_inflight_limit: {
    kind: 'gauge',
    help: 'Commands that may be in flight just now: between 1 and MCP_MAX_INFLIGHT, by what the editors finish',
    labels: [],
  },
  spark_partitions_owned: {
    kind: 'gauge',
    help: 'Partitions whose commands this worker executes; 0: it stands by',
    labels: [],
  },
  spark_partition_moves_total: {
    kind: 'counter',
    help: 'Partitions this worker has taken and given away',
    labels: ['move'],
  },
  spark_sse_clients: { kind: 'gauge', help: 'Open event streams', labels: [] },
  spark_sse_events_total: { kind: 'counter', help: 'Events written to event streams', labels: [] },
  spark_sse_clients_dropped_total: {
    kind: 'counter',
    help: 'Event streams that were cut by the server',
    labels: ['reason'],
  },

  spark_commands_submitted_total: {
    kind: 'counter',
    help: 'Commands that came in over HTTP, by what became of them at the door',
    labels: ['result'],
  },
  spark_commands_finished_total: {
    kind: 'counter',
    help: 'Commands that reached a terminal state in this process',
    labels: ['type', 'outcome'],
  },
  spark_command_wait_seconds: {
    kind: 'histogram',
    help: 'From the publish of a command to the start of its handler',
    labels: ['type'],
    buckets: COMMAND_SECONDS,
  },
  spark_command_duration_seconds: {
    kind: 'histogram',
    help: 'From the intent of a command to its outcome',
    labels: ['type', 'outcome'],
    buckets: COMMAND_SECONDS,
  },
  spark_commands_in_flight: {
    kind: 'gauge',
    help: 'Commands taken by this worker, not finished',
    labels: [],
  },
  spark_backlog_commands: { kind: 'gauge', help: 'Commands accepted and not terminal', labels: [] },
  spark_queue_depth: {
    kind: 'gauge',
    help: 'Commands waiting, per editor lane (telemetry: queued frames)',
    labels: ['lane'],
  },
  spark_command_retries_total: {
    kind: 'counter',
    help: 'Attempts after the first, by what was asked for',
    labels: ['type'],
  },

  spark_ledger_keys: { kind: 'gauge', help: 'Idempotency keys that the ledger knows', labels: [] },
  spark_ledger_max_keys: { kind: 'gauge', help: 'Idempotency keys it may know', labels: [] },
  spark_ledger_term_seconds: { kind: 'gauge', help: 'How long an idempotency key holds', labels: [] },
  spark_ledger_oldest_key_age_seconds: {
    kind: 'gauge',
    help: 'Age of the oldest idempotency key that is known',
    labels: [],
  },
  spark_ledger_evicted_total: {
    kind: 'counter',
    help: 'Idempotency keys that went before their term because of the limit, counted over the log',
    labels: [],
  },
  spark_ledger_bytes: { kind: 'gauge', help: 'Memory of the ledger', labels: [] },

  spark_editor_calls_total: {
    kind: 'counter',
    help: 'Calls to Unity MCP, by what the answer meant',
    labels: ['tool', 'answer'],
  },
  spark_editor_call_duration_seconds: {
    kind: 'histogram',
    help: 'Calls to Unity MCP',
    labels: ['tool'],
    buckets: LATENCY_SECONDS,
  },
  spark_gate_requests_total: {
    kind: 'counter',
    help: 'What workers asked of the gate process, by how it ended (answered, stale, failed, gone, refused)',
    labels: ['operation', 'outcome'],
  },
  spark_gate_requests_in_flight: {
    kind: 'gauge',
    help: 'Requests that the gate process is at work on or has waiting in the lanes of their editors',
    labels: [],
  },
  spark_editor_ready: {
    kind: 'gauge',
    help: '1 when the editor answers, 0 when it is away',
    labels: ['editor'],
  },
  spark_circuit_state: {
    kind: 'gauge',
    help: 'Circuit breaker of an endpoint: 0 closed, 1 half open, 2 open',
    labels: ['endpoint'],
  },
  spark_service_calls_total: {
    kind: 'counter',
    help: 'Requests to CV and ASR services, by what the answer meant',
    labels: ['service', 'call', 'answer'],
  },
  spark_service_call_duration_seconds: {
    kind: 'histogram',
    help: 'Requests to CV and ASR services',
    labels: ['service', 'call'],
    buckets: COMMAND_SECONDS,
  },
  spark_preview_cache_total: { kind: 'counter', help: 'Preview cache look-ups', labels: ['result'] },

  spark_events_published_total: { kind: 'counter', help: 'Events appended to the log', labels: [] },
  spark_publish_failures_total: {
    kind: 'counter',
    help: 'Publishes that failed and were tried again',
    labels: ['stream'],
  },
  spark_publish_duration_seconds: {
    kind: 'histogram',
    help: 'From the append of the oldest event of a message to its acknowledgement',
    labels: ['stream'],
    buckets: LATENCY_SECONDS,
  },
  spark_publish_queue_depth: {
    kind: 'gauge',
    help: 'Events appended and not yet acknowledged',
    labels: ['stream'],
  },
  spark_dead_letters_open: { kind: 'gauge', help: 'Dead letters nobody has redriven or dropped', labels: [] },
  spark_dead_letters_total: { kind: 'counter', help: 'Messages that failed for good', labels: ['reason'] },
  spark_telemetry_dropped_total: {
    kind: 'counter',
    help: 'Frames and progress ticks that were dropped, oldest first',
    labels: ['kind'],
  },

  spark_projector_events_total: { kind: 'counter', help: 'Events folded into read models', labels: [] },
  spark_projector_batches_total: { kind: 'counter', help: 'Batches committed by the projector', labels: [] },
  spark_projector_batch_events: {
    kind: 'histogram',
    help: 'Events per committed batch',
    labels: [],
    buckets: BATCH_ITEMS,
  },
  spark_projector_batch_duration_seconds: {
    kind: 'histogram',
    help: 'From the begin to the commit of one batch',
    labels: [],
    buckets: LATENCY_SECONDS,
  },
  spark_projector_state: {
    kind: 'gauge',
    help: '1 for the state a projection of this process is in: stopped, connecting, waiting (another process has its place), working, retrying, failed',
    labels: ['projection', 'state'],
  },
  spark_projector_interruptions_total: {
    kind: 'counter',
    help: 'Times a projection failed and began again at its checkpoint',
    labels: ['projection'],
  },
  spark_projector_dead_letters_total: {
    kind: 'counter',
    help: 'Events of the log that became dead letters instead of rows (poison_event, unreadable_event)',
    labels: ['reason'],
  },
  ...RETENTION_METRICS,
  spark_projection_lag_seconds: {
    kind: 'gauge',
    help: 'Age of what the read models have not got yet, as seen at the scrapes; 0 when they are level',
    labels: ['projection'],
  },
  spark_projection_lag_events: {
    kind: 'gauge',
    help: 'Log messages that the read models have not got yet',
    labels: ['projection'],
  },
  spark_postgres_up: {
    kind: 'gauge',
    help: '1 while the server (primary, replica) answers in time, 0 while it does not: refused, frozen, starting',
    labels: ['server'],
  },
  spark_replica_lag_seconds: {
    kind: 'gauge',
    help: 'How long the oldest thing that the primary shows has been missing on the standby; none while it does not answer',
    labels: [],
  },
  spark_replica_lag_bytes: {
    kind: 'gauge',
    help: 'WAL that the standby has not replayed; none while one of the two does not answer',
    labels: [],
  },
  spark_replica_streaming: {
    kind: 'gauge',
    help: '1 while the standby receives WAL, 0 while it does not or does not answer',
    labels: [],
  },
  spark_replica_freshness_seconds: {
    kind: 'gauge',
    help: 'Everything that the log held so long ago is visible on the standby, by the heartbeat of the projector; none while it does not answer',
    labels: [],
  },
  spark_replica_repairs_total: {
    kind: 'counter',
    help: 'What was done about an unwell standby of ours (resume, restart, reseed), and why',
    labels: ['action', 'reason'],
  },
  spark_replica_repair_failures_total: {
    kind: 'counter',
    help: 'Repairs of the standby that failed and are tried again',
    labels: [],
  },
  spark_reads_total: {
    kind: 'counter',
    help: 'Reads over HTTP, by the server that answered (none: nobody) and why that one (ok, no_replica, away, behind, primary_away)',
    labels: ['source', 'because'],
  },
  spark_pool_connections: {
    kind: 'gauge',
    help: 'Connections of a pool, by state (idle, used, waiting, max)',
    labels: ['pool', 'state'],
  },

  spark_scrape_errors_total: {
    kind: 'counter',
    help: 'Collect callbacks that failed during a scrape',
    labels: ['metric'],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
type NamesOfKind<K extends MetricRow['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];

export type CounterName = NamesOfKind<'counter'>;
export type GaugeName = NamesOfKind<'gauge'>;
export type HistogramName = NamesOfKind<'histogram'>;
export type LabelsOf<N extends MetricName> = {
  readonly [L in (typeof METRICS)[N]['labels'][number]]: string;
};

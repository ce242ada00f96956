import { type Dashboard, prom, sql } from './panel.js';

const quantile = (q: number, histogram: string, by: string, where = ''): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${histogram}_bucket${where === '' ? '' : `{${where}}`}[$__rate_interval])))`;

/** What whoever runs it looks at: the processes, their limits, and how far each is from them. From Prometheus. */
export const operations: Dashboard = {
  uid: 'spark-operations',
  title: 'SPARK: operations',
  about: 'The processes and their limits: throughput, waiting, circuits, projection, replica, pools, memory.',
  from: 'now-3h',
  rows: [
    {
      title: 'Commands',
      panels: [
        prom('Commands ended', 'How many commands end a second, by how they end.', 'ops', [
          {
            expr: 'sum by (outcome) (rate(spark_commands_finished_total[$__rate_interval]))',
            legend: '{{outcome}}',
          },
        ]),
        prom(
          'Error ratio by type',
          'Of the commands that ended, how many broke; alert at 0.05.',
          'percentunit',
          [{ expr: 'spark:command_error_ratio:rate5m', legend: '{{type}}' }],
        ),
        prom('Duration, p95 by type', 'From the intent of a command to its outcome; alert at 3 s.', 's', [
          { expr: 'spark:command_duration_seconds:p95_rate5m', legend: '{{type}}' },
        ]),
        prom(
          'Wait before the start',
          'From publish to the start of the handler; target: p50 < 10 ms, p95 < 50 ms.',
          's',
          [
            { expr: quantile(0.5, 'spark_command_wait_seconds', 'job'), legend: 'p50' },
            { expr: quantile(0.95, 'spark_command_wait_seconds', 'job'), legend: 'p95' },
            { expr: quantile(0.99, 'spark_command_wait_seconds', 'job'), legend: 'p99' },
          ],
        ),
        prom('In flight', 'Commands taken by workers, and how many may be.', 'short', [
          { expr: 'sum(spark_commands_in_flight)', legend: 'in flight' },
          { expr: 'sum(spark_inflight_limit)', legend: 'limit' },
          { expr: 'max(spark_backlog_commands)', legend: 'accepted, not ended' },
        ]),
        prom('Queue depth by lane', 'Commands that wait, editor by editor; alert at 800.', 'short', [
          { expr: 'max by (lane) (spark_queue_depth)', legend: '{{lane}}' },
        ]),
        prom('Retries', 'Attempts after the first, by what was asked for.', 'ops', [
          { expr: 'sum by (type) (rate(spark_command_retries_total[$__rate_interval]))', legend: '{{type}}' },
        ]),
        prom('Circuits', '0 closed, 1 half open, 2 open.', 'short', [
          { expr: 'max by (endpoint) (spark_circuit_state)', legend: '{{endpoint}}' },
        ]),
        prom('Preview cache', 'Look-ups by answer; alert when more than half miss.', 'percentunit', [
          { expr: 'spark:preview_cache_miss_ratio:rate5m', legend: 'missed' },
        ]),
      ],
    },
    {
      title: 'API',
      panels: [
        prom('Requests', 'Answered a second, by status.', 'reqps', [
          {
            expr: 'sum by (status) (rate(spark_http_requests_total[$__rate_interval]))',
            legend: '{{status}}',
          },
        ]),
        prom(
          'Answer time, p95 by route',
          'Requests that did not ask to wait for an outcome; alert at 100 ms.',
          's',
          [{ expr: 'spark:http_request_duration_seconds:p95_rate5m', legend: '{{method}} {{route}}' }],
        ),
        prom('Event streams', 'Open SSE clients.', 'short', [
          { expr: 'sum(spark_sse_clients)', legend: 'clients' },
        ]),
      ],
    },
    {
      title: 'Editors',
      panels: [
        prom('Calls to Unity MCP', 'A second, by what the answer meant.', 'ops', [
          {
            expr: 'sum by (answer) (rate(spark_editor_calls_total[$__rate_interval]))',
            legend: '{{answer}}',
          },
        ]),
        prom('Call time, p95 by tool', 'Calls to Unity MCP.', 's', [
          { expr: quantile(0.95, 'spark_editor_call_duration_seconds', 'tool'), legend: '{{tool}}' },
        ]),
        prom('Editors that answer', '1 answers, 0 away.', 'short', [
          { expr: 'min by (editor) (spark_editor_ready)', legend: '{{editor}}' },
        ]),
      ],
    },
    {
      title: 'Log, projection and replica',
      panels: [
        prom('Events', 'Appended and projected, a second.', 'ops', [
          { expr: 'sum(rate(spark_events_published_total[$__rate_interval]))', legend: 'appended' },
          { expr: 'sum(rate(spark_projector_events_total[$__rate_interval]))', legend: 'projected' },
        ]),
        prom('Append time, p95', 'From the append of an event to its acknowledgement.', 's', [
          { expr: quantile(0.95, 'spark_publish_duration_seconds', 'stream'), legend: '{{stream}}' },
        ]),
        prom('Batch of the projector, p95', 'From begin to commit.', 's', [
          { expr: quantile(0.95, 'spark_projector_batch_duration_seconds', 'job'), legend: 'p95' },
        ]),
        prom('Projection lag', 'Age of what read models have not got yet; alert at 30 s.', 's', [
          { expr: 'max by (projection) (spark_projection_lag_seconds)', legend: '{{projection}}' },
        ]),
        prom('Replica lag', 'How far the standby is behind; alert at 30 s.', 's', [
          { expr: 'max(spark_replica_lag_seconds)', legend: 'behind' },
        ]),
        prom('WAL not replayed', 'Bytes the standby has not replayed.', 'bytes', [
          { expr: 'max(spark_replica_lag_bytes)', legend: 'behind' },
        ]),
        prom('Open dead letters', 'Nobody has redriven or dropped them; alert when they grow.', 'short', [
          { expr: 'max(spark_dead_letters_open)', legend: 'open' },
        ]),
        prom('Pools', 'Connections in use, of those there may be; alert at 0.8.', 'percentunit', [
          { expr: 'spark:pool_used_ratio', legend: '{{instance}} {{pool}}' },
        ]),
        prom(
          'Age of the replica',
          'Everything the log held so long ago is shown there; alert at 30 s.',
          's',
          [{ expr: 'max(spark_replica_freshness_seconds)', legend: 'age' }],
        ),
        prom('Reads of the API', 'A second, by the server that answered, and why that one.', 'ops', [
          {
            expr: 'sum by (source, because) (rate(spark_reads_total[$__rate_interval]))',
            legend: '{{source}}: {{because}}',
          },
        ]),
        sql('freshness', 'table', [8, 8]),
      ],
    },
    {
      title: 'Processes',
      panels: [
        prom('CPU', 'Cores.', 'short', [
          { expr: 'rate(process_cpu_seconds_total{job="spark"}[$__rate_interval])', legend: '{{instance}}' },
        ]),
        prom('Memory', 'Resident.', 'bytes', [
          { expr: 'process_resident_memory_bytes{job="spark"}', legend: '{{instance}}' },
        ]),
        prom('Event loop, p99', 'How late it is.', 's', [
          { expr: 'nodejs_eventloop_lag_p99_seconds{job="spark"}', legend: '{{instance}}' },
        ]),
        prom('Idempotency keys', 'Known, and how many may be.', 'short', [
          { expr: 'sum(spark_ledger_keys)', legend: 'known' },
          { expr: 'sum(spark_ledger_max_keys)', legend: 'limit' },
        ]),
      ],
    },
  ],
};

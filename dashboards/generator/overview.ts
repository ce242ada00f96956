import { type Dashboard, sql } from './panel.js';

/** What a team looks at: does it work, how fast, what waits. From the replica alone: it needs no Prometheus. */
export const overview: Dashboard = {
  uid: 'spark-overview',
  title: 'SPARK',
  about: 'Whether commands succeed, how long they take, what waits, and what people took back.',
  from: 'now-1h',
  rows: [
    {
      title: 'Now',
      panels: [
        sql('preview_success', 'stat', [4, 5]),
        sql('function_call_success', 'stat', [4, 5]),
        sql('preview_cache', 'stat', [4, 5]),
        sql('sessions_now', 'stat', [4, 5]),
        sql('freshness', 'table', [8, 5]),
      ],
    },
    {
      title: 'Tools',
      panels: [
        sql('latency_by_tool', 'table', [12, 9]),
        sql('latency_over_time', 'timeseries', [12, 9]),
        sql('error_rate_by_tool', 'table', [12, 9]),
        sql('error_rate_over_time', 'timeseries', [12, 9]),
        sql('errors_by_code', 'table', [12, 9]),
        sql('function_calls', 'table', [12, 9]),
      ],
    },
    {
      title: 'Editors and their queues',
      panels: [
        sql('queue_depth', 'timeseries', [12, 9]),
        sql('lanes_over_time', 'timeseries', [12, 9]),
        sql('editors', 'table', [24, 9]),
      ],
    },
    {
      title: 'Sessions',
      panels: [sql('sessions_over_time', 'timeseries', [12, 8]), sql('slowest_sessions', 'table', [12, 8])],
    },
    {
      title: 'Previews and builds',
      panels: [
        sql('preview_cache_over_time', 'timeseries', [8, 9]),
        sql('builds_by_state', 'table', [16, 9]),
        sql('builds_newest', 'table', [24, 9]),
      ],
    },
    {
      title: 'Undo',
      panels: [sql('undo_over_time', 'timeseries', [12, 8]), sql('undo_by_tool', 'table', [12, 8])],
    },
    {
      title: 'Dead letters',
      panels: [
        sql('dead_letters_open', 'table', [12, 8]),
        sql('dead_letters_over_time', 'timeseries', [12, 8]),
        sql('dead_letters_newest', 'table', [24, 8]),
      ],
    },
  ],
};

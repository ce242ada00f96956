import { type Dashboard, sql } from './panel.js';

/** What whoever pays looks at. */
export const usage: Dashboard = {
  uid: 'spark-usage',
  title: 'SPARK: usage and cost',
  about: 'Tokens and cost by model, command and session, as agents reported them.',
  from: 'now-7d',
  rows: [
    {
      title: 'Over time',
      panels: [
        sql('tokens_over_time', 'timeseries', [12, 9]),
        sql('cost_over_time', 'timeseries', [12, 9]),
        sql('sessions_over_time', 'timeseries', [24, 7]),
      ],
    },
    {
      title: 'By whom',
      panels: [sql('usage_by_type', 'table', [12, 10]), sql('usage_by_session', 'table', [12, 10])],
    },
  ],
};

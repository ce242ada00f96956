import { operations } from './operations.js';
import { overview } from './overview.js';
import type { Dashboard } from './panel.js';
import { usage } from './usage.js';

/** Every dashboard, by the name of its file in `dashboards/grafana`. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = {
  spark: overview,
  'spark-operations': operations,
  'spark-usage': usage,
};

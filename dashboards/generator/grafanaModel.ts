import { grafanaSql } from './grafanaSql.js';
import { type GridPos, layOut } from './layout.js';
import type { Dashboard, Panel, PromChart, SqlChart } from './panel.js';
import type { SqlPanel } from './sqlPanel.js';
import { unitOf } from './units.js';

/** As dashboards/grafana/provisioning/datasources/spark.yml names them. */
const REPLICA = { type: 'grafana-postgresql-datasource', uid: 'spark-replica' } as const;
const PROMETHEUS = { type: 'prometheus', uid: 'spark-prometheus' } as const;

export class UnknownPanelError extends Error {
  readonly code = 'unknown_panel';
}

/** A dashboard as Grafana takes it: the value of its JSON file. */
export function grafanaDashboard(
  dashboard: Dashboard,
  files: ReadonlyMap<string, SqlPanel>,
): Readonly<Record<string, unknown>> {
  return {
    uid: dashboard.uid,
    title: dashboard.title,
    description: dashboard.about,
    tags: ['spark'],
    timezone: 'utc',
    editable: true,
    graphTooltip: 1,
    schemaVersion: 39,
    version: 1,
    refresh: '30s',
    time: { from: dashboard.from, to: 'now' },
    annotations: { list: [] },
    templating: { list: [] },
    links: [
      {
        type: 'dashboards',
        title: 'SPARK',
        tags: ['spark'],
        asDropdown: true,
        keepTime: true,
        icon: 'dashboard',
      },
    ],
    panels: panelsOf(dashboard, files),
  };
}

function panelsOf(dashboard: Dashboard, files: ReadonlyMap<string, SqlPanel>): object[] {
  const made: object[] = [];
  let top = 0;
  for (const row of dashboard.rows) {
    const gridPos: GridPos = { x: 0, y: top, w: 24, h: 1 };
    made.push({ id: made.length + 1, type: 'row', title: row.title, collapsed: false, gridPos, panels: [] });
    const { places, bottom } = layOut(row.panels, top + 1);
    for (const [i, panel] of row.panels.entries())
      made.push({ id: made.length + 1, gridPos: places[i], ...bodyOf(panel, files) });
    top = bottom;
  }
  return made;
}

function bodyOf(panel: Panel, files: ReadonlyMap<string, SqlPanel>): object {
  if (panel.from === 'prometheus') return promBody(panel);
  const file = files.get(panel.panel);
  if (file === undefined) throw new UnknownPanelError(`there is no dashboards/sql/${panel.panel}.sql`);
  return sqlBody(panel, file);
}

function sqlBody({ show }: SqlChart, file: SqlPanel): object {
  const values = file.columns.map(({ name }) => name).filter((name) => name !== 'time' && name !== 'metric');
  return {
    type: show,
    title: file.title,
    description: `${file.answers} (dashboards/sql/${file.name}.sql)`,
    datasource: REPLICA,
    fieldConfig: {
      defaults: { unit: unitOf(values[0] ?? ''), ...(show === 'timeseries' ? LINES : {}) },
      overrides: show === 'timeseries' ? [] : values.map(override),
    },
    options: optionsOf(show, values[0] ?? ''),
    targets: [
      {
        refId: 'A',
        datasource: REPLICA,
        format: show === 'timeseries' ? 'time_series' : 'table',
        rawQuery: true,
        editorMode: 'code',
        rawSql: grafanaSql(file.sql),
      },
    ],
  };
}

function promBody({ title, answers, show, unit, queries }: PromChart): object {
  return {
    type: show,
    title,
    description: answers,
    datasource: PROMETHEUS,
    fieldConfig: { defaults: { unit, ...(show === 'timeseries' ? LINES : {}) }, overrides: [] },
    options: optionsOf(show, ''),
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + i),
      datasource: PROMETHEUS,
      editorMode: 'code',
      range: true,
      expr,
      legendFormat: legend,
    })),
  };
}

/** A step in which nothing happened has no row: points are joined, and a lone one is seen. */
const LINES = {
  custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'auto', spanNulls: true },
};

const override = (column: string): object => ({
  matcher: { id: 'byName', options: column },
  properties: [{ id: 'unit', value: unitOf(column) }],
});

function optionsOf(show: Panel['show'], field: string): object {
  switch (show) {
    case 'timeseries':
      return {
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
        tooltip: { mode: 'multi', sort: 'desc' },
      };
    case 'stat':
      return {
        reduceOptions: { values: false, calcs: ['lastNotNull'], fields: field === '' ? '' : `/^${field}$/` },
        colorMode: 'value',
        graphMode: 'area',
        textMode: 'auto',
      };
    case 'table':
      return { showHeader: true, cellHeight: 'sm' };
  }
}

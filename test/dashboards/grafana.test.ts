import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../dashboards/generator/dashboards.js';
import { grafanaSql } from '../../dashboards/generator/grafanaSql.js';
import { layOut } from '../../dashboards/generator/layout.js';
import { parseSqlPanel, readSqlPanels } from '../../dashboards/generator/sqlPanel.js';
import { METRICS } from '../../src/observability/names.js';
import { filesUnder, ROOT } from '../support/sourceText.js';

interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly rawSql?: string;
  readonly expr?: string;
}
interface GrafanaPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
}
interface GrafanaFile {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly GrafanaPanel[];
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const files = Object.keys(DASHBOARDS).map(
  (name) => [name, JSON.parse(read(`dashboards/grafana/${name}.json`)) as GrafanaFile] as const,
);
const datasources = read('dashboards/grafana/provisioning/datasources/spark.yml');
const uids = [...datasources.matchAll(/^ {4}uid: (\S+)$/gm)].map(([, uid]) => uid);
const rules = read('dashboards/prometheus/rules.yml');

/** Every metric a PromQL text names: what stands before a brace or a bracket, or alone; no label, function or recorded series. */
function metricsIn(text: string): string[] {
  return [
    ...text.replaceAll(/\{[^}]*\}/g, '').matchAll(/(?<![:\w])(?:spark|process|nodejs)_\w+(?![:\w])/g),
  ].map(([name]) => name);
}
/** Histograms are asked by their parts. */
const familyOf = (name: string): string => name.replace(/_(?:bucket|count|sum)$/, '');

describe('the dashboards of Grafana', () => {
  it('are three, each with an address and a title of its own', () => {
    expect(new Set(files.map(([, { uid }]) => uid)).size).toBe(3);
    expect(new Set(files.map(([, { title }]) => title)).size).toBe(3);
    expect(filesUnder('dashboards/grafana', ['.json']).map(({ path }) => path)).toEqual(
      files.map(([name]) => `dashboards/grafana/${name}.json`).sort(),
    );
  });

  it.each(files)(
    '%s gives every panel an id, a place on the grid and queries of its own',
    (_, { panels, schemaVersion }) => {
      expect(schemaVersion).toBeGreaterThan(36);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const taken = new Map<string, string>();
      for (const { title, gridPos } of panels) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(taken.get(`${x},${y}`), `${title} lies upon another`).toBeUndefined();
            taken.set(`${x},${y}`, title);
          }
      }
    },
  );

  it.each(files)('%s asks only data sources that are provisioned', (_, { panels }) => {
    const asking = panels.filter(({ type }) => type !== 'row');
    expect(asking.length).toBeGreaterThan(3);
    for (const { title, targets = [], datasource, description } of asking) {
      expect(description, title).toMatch(/\w/);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (const target of targets) {
        expect(uids, title).toContain(target.datasource.uid);
        expect(target.datasource.uid, title).toBe(datasource?.uid);
        expect(target.rawSql ?? target.expr, title).toMatch(/\w/);
      }
    }
  });

  it('show every panel of dashboards/sql, with the window of the dashboard', () => {
    const sent = files.flatMap(([, { panels }]) =>
      panels.flatMap(({ targets = [] }) => targets.flatMap(({ rawSql }) => rawSql ?? [])),
    );
    for (const { name, sql } of readSqlPanels()) expect(sent, name).toContain(grafanaSql(sql));
    for (const sql of sent) expect(sql).not.toMatch(/(?<!statement_timesta)\bnow\(\)/);
  });

  it('name only metrics that SPARK has, or that Node tells of itself', () => {
    const exprs = files.flatMap(([, { panels }]) =>
      panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => expr ?? [])),
    );
    const named = [...exprs, rules.replaceAll(/^ *#.*$/gm, '')]
      .flatMap(metricsIn)
      .filter((name) => name.startsWith('spark_'));
    expect(named.length).toBeGreaterThan(30);
    const known = (name: string): boolean => name in METRICS || familyOf(name) in METRICS;
    expect([...new Set(named)].filter((name) => !known(name))).toEqual([]);
    const recorded = new Set([...rules.matchAll(/record: (\S+)/g)].map(([, name]) => name));
    const used = exprs.flatMap((expr) => expr.match(/\bspark:[\w:]+/g) ?? []);
    expect(used.length).toBeGreaterThan(3);
    expect(used.filter((name) => !recorded.has(name))).toEqual([]);
  });
});

describe('provisioning', () => {
  it('is indented by spaces in steps of two and says nothing twice', () => {
    for (const { path, text } of filesUnder('dashboards/grafana/provisioning', ['.yml'])) {
      for (const line of text.split('\n')) expect(line, path).toMatch(/^(?: {2})*(?! )/);
      expect(text, path).toMatch(/^apiVersion: 1$/m);
    }
    expect(uids).toEqual(['spark-replica', 'spark-prometheus']);
  });

  it('asks the replica as the role that only reads, and holds no secret', () => {
    expect(datasources).toMatch(/^ {4}user: spark_dashboard_ro$/m);
    expect(datasources).toMatch(/password: \$\{SPARK_DASHBOARD_PASSWORD\}$/m);
  });
});

describe('the generator', () => {
  it('given a window, then it becomes that of the dashboard, and what is really now stays', () => {
    const sql =
      "SELECT now() - (now() - interval '6 hours') WHERE ts >= now() - interval '1 hour' AND ts <= now() AND a < statement_timestamp();";
    expect(grafanaSql(sql)).toBe(
      'SELECT $__timeTo()::timestamptz - ($__timeFrom()::timestamptz) WHERE ts >= $__timeFrom()::timestamptz AND ts <= $__timeTo()::timestamptz AND a < statement_timestamp()',
    );
  });

  it('given panels wider than a line, then it begins another below the highest', () => {
    const sizes = [
      { width: 12, height: 4 },
      { width: 12, height: 9 },
      { width: 8, height: 2 },
    ];
    expect(layOut(sizes, 1)).toEqual({
      places: [
        { x: 0, y: 1, w: 12, h: 4 },
        { x: 12, y: 1, w: 12, h: 9 },
        { x: 0, y: 10, w: 8, h: 2 },
      ],
      bottom: 12,
    });
  });

  it('given a comment block that lacks something, then it says what', () => {
    expect(() => parseSqlPanel('x', '-- X\n-- Columns:\n--   a  b\nSELECT 1;')).toThrow(
      'x.sql does not say "Answers"',
    );
    expect(() => parseSqlPanel('x', '-- X\n-- Answers: y\nSELECT 1;')).toThrow('no columns');
  });
});

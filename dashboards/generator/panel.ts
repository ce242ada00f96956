/** What a dashboard is made of, before Grafana's own shapes. `width` is in Grafana's 24 columns, `height` in its rows of 30 px. */
export type Panel = SqlChart | PromChart;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** One file of `dashboards/sql`: its title, description and units come from the file. */
export interface SqlChart extends Size {
  readonly from: 'sql';
  /** The file's name without its ending. */
  readonly panel: string;
  readonly show: 'stat' | 'timeseries' | 'table';
}

/** PromQL; `$__rate_interval` is Grafana's. */
export interface PromChart extends Size {
  readonly from: 'prometheus';
  readonly title: string;
  readonly answers: string;
  readonly show: 'stat' | 'timeseries';
  /** Grafana's name of the unit, e.g. `percentunit` (0 to 1), `s`, `bytes`, `short`. */
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** Part of its address in Grafana; never changes. */
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  /** How far back it looks at first, as Grafana writes it: `now-1h`. */
  readonly from: string;
  readonly rows: readonly Row[];
}

export const sql = (
  panel: string,
  show: SqlChart['show'],
  [width, height]: readonly [width: number, height: number],
): SqlChart => ({ from: 'sql', panel, show, width, height });

export const prom = (
  title: string,
  answers: string,
  unit: string,
  queries: PromChart['queries'],
  { show = 'timeseries', size = [8, 8] }: { show?: PromChart['show']; size?: readonly [number, number] } = {},
): PromChart => ({
  from: 'prometheus',
  title,
  answers,
  unit,
  queries,
  show,
  width: size[0],
  height: size[1],
});

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  METRICS,
  type MetricName,
} from './names.js';

/** One reading of a metric that somebody else keeps. */
export type Reading<N extends MetricName> =
  | number
  | readonly { readonly labels: LabelsOf<N>; readonly value: number }[];

/**
 * The one door to prom-client. Hot paths push (`inc`, `observe`, `set`); what is known elsewhere is asked for at scrape time
 * (`collect`), for gauges and for counters whose owner already counts.
 */
export interface Metrics {
  inc<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void;
  /** `value` in the metric's base unit: seconds, bytes, items. */
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void;
  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void;
  /**
   * Reads `read` at each scrape. A callback that throws costs its metric, never the scrape. Several may give readings of one metric, each
   * as a `part` of its own; the same part again replaces the one before.
   */
  collect<N extends GaugeName | CounterName>(
    name: N,
    read: () => Reading<N> | Promise<Reading<N>>,
    part?: string,
  ): void;
  /** The exposition, Prometheus text format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function samplesOf(reading: Reading<MetricName>): readonly Sample[] {
  return typeof reading === 'number' ? [{ labels: {}, value: reading }] : reading;
}

/** A registry of its own: two in one process never collide. `processMetrics` adds CPU, memory, event loop and GC of this process. */
export function createMetrics(options: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  const reads = new Map<MetricName, Map<string, () => unknown>>();

  for (const [name, row] of Object.entries(METRICS)) {
    const base = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
    if (row.kind === 'counter') counters.set(name, new Counter(base));
    else if (row.kind === 'gauge') gauges.set(name, new Gauge(base));
    else histograms.set(name, new Histogram({ ...base, buckets: [...row.buckets] }));
  }
  if (options.processMetrics) collectDefaultMetrics({ register: registry });

  const refresh = async (name: MetricName, parts: Iterable<() => unknown>): Promise<void> => {
    try {
      const readings = (await Promise.all([...parts].map((read) => read()))) as Reading<MetricName>[];
      const values = readings.flatMap(samplesOf);
      const gauge = gauges.get(name);
      const counter = counters.get(name);
      gauge?.reset();
      counter?.reset();
      // A gauge without labels is 0 after a reset; no reading at all must not look like one.
      if (values.length === 0 && METRICS[name].labels.length === 0) gauge?.remove({});
      for (const { labels, value } of values) {
        gauge?.set(labels, value);
        counter?.inc(labels, value);
      }
    } catch {
      // A gauge that cannot be read must not show its last value as if it were today's.
      gauges.get(name)?.reset();
      if (METRICS[name].labels.length === 0) gauges.get(name)?.remove({});
      counters.get('spark_scrape_errors_total')?.inc({ metric: name });
    }
  };

  return {
    inc: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
    observe: (name, labels, value) => histograms.get(name)?.observe(labels, value),
    set: (name, labels, value) => gauges.get(name)?.set(labels, value),
    collect: (name, read, part = '') => {
      reads.set(name, (reads.get(name) ?? new Map()).set(part, read));
    },
    text: async () => {
      await Promise.all([...reads].map(([name, parts]) => refresh(name, parts.values())));
      return await registry.metrics();
    },
    contentType: registry.contentType,
  };
}

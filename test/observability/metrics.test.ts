import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observability/metrics.js';
import { METRICS } from '../../src/observability/names.js';
import { codeOf, filesUnder } from '../support/sourceText.js';

describe('the table of names', () => {
  it.each(Object.entries(METRICS))(
    '%s: prefix, base unit, suffix and help as Prometheus wants them',
    (name, row) => {
      expect(name).toMatch(/^spark_[a-z][a-z_]*[a-z]$/);
      expect(name).not.toMatch(/_(ms|millis|milliseconds|minutes|kb|mb|percent)(_|$)/);
      expect(name.endsWith('_total')).toBe(row.kind === 'counter');
      expect(row.help).toMatch(/^[A-Z0-9].*[^.]$/);
      expect('buckets' in row).toBe(row.kind === 'histogram');
    },
  );

  it('holds no name that nothing sets', () => {
    const sources = filesUnder('src', ['.ts'])
      .filter(({ path }) => !path.endsWith('observability/names.ts'))
      .map(({ text }) => codeOf(text, 'keep'));
    const unset = Object.keys(METRICS).filter((name) => !sources.some((text) => text.includes(`'${name}'`)));
    expect(unset).toEqual([]);
  });

  it('given any label, then it is none that grows with the work', () => {
    const labels = new Set(Object.values(METRICS).flatMap((row): readonly string[] => row.labels));
    for (const forbidden of [
      'command',
      'commandId',
      'command_id',
      'session',
      'session_id',
      'key',
      'path',
      'le',
    ])
      expect([...labels]).not.toContain(forbidden);
  });
});

describe('createMetrics: readings', () => {
  it('given readings of one metric in several parts, then all are there, and the same part again replaces its own', async () => {
    const metrics = createMetrics();
    const of = (pool: string, value: number) => () => [{ labels: { pool, state: 'used' }, value }];
    metrics.collect('spark_pool_connections', of('primary', 1));
    metrics.collect('spark_pool_connections', of('projector', 2), 'projector');
    metrics.collect('spark_pool_connections', of('primary', 3));
    const samples = parse(await metrics.text());
    expect(samples.get('spark_pool_connections{pool="primary",state="used"}')).toBe(3);
    expect(samples.get('spark_pool_connections{pool="projector",state="used"}')).toBe(2);
  });

  it('given a gauge that has no reading any more, then it has no sample: neither the last one nor 0', async () => {
    const metrics = createMetrics();
    let lag: number | readonly [] = 0.5;
    metrics.collect('spark_replica_lag_seconds', () => lag);
    expect(parse(await metrics.text()).get('spark_replica_lag_seconds')).toBe(0.5);
    lag = [];
    expect(parse(await metrics.text()).get('spark_replica_lag_seconds')).toBeUndefined();
    lag = 0;
    expect(parse(await metrics.text()).get('spark_replica_lag_seconds')).toBe(0);
  });
});

describe('createMetrics', () => {
  it('given counts, observations and readings, then the exposition holds them and parses', async () => {
    const metrics = createMetrics();
    metrics.inc('spark_dead_letters_total', { reason: 'malformed "subject"\n' });
    metrics.inc('spark_events_published_total', {}, 3);
    metrics.observe('spark_publish_duration_seconds', { stream: 'LOG' }, 0.02);
    metrics.collect('spark_commands_in_flight', () => 7);
    metrics.collect('spark_queue_depth', async () => [
      { labels: { lane: 'left' }, value: 1 },
      { labels: { lane: 'right' }, value: 2 },
    ]);
    const samples = parse(await metrics.text());
    expect(samples.get('spark_dead_letters_total{reason="malformed \\"subject\\"\\n"}')).toBe(1);
    expect(samples.get('spark_events_published_total')).toBe(3);
    expect(samples.get('spark_publish_duration_seconds_bucket{le="0.025",stream="LOG"}')).toBe(1);
    expect(samples.get('spark_publish_duration_seconds_bucket{le="0.01",stream="LOG"}')).toBe(0);
    expect(samples.get('spark_publish_duration_seconds_count{stream="LOG"}')).toBe(1);
    expect(samples.get('spark_commands_in_flight')).toBe(7);
    expect(samples.get('spark_queue_depth{lane="right"}')).toBe(2);
  });

  it('given a lane that is gone, then its last reading is gone too', async () => {
    const metrics = createMetrics();
    let lanes = ['a', 'b'];
    metrics.collect('spark_queue_depth', () => lanes.map((lane) => ({ labels: { lane }, value: 1 })));
    expect(await metrics.text()).toContain('lane="b"');
    lanes = ['a'];
    expect(await metrics.text()).not.toContain('lane="b"');
  });

  it('given a counter that its owner keeps, then each scrape shows the owner’s number', async () => {
    const metrics = createMetrics();
    let dropped = 5;
    metrics.collect('spark_telemetry_dropped_total', () => [{ labels: { kind: 'frame' }, value: dropped }]);
    expect(parse(await metrics.text()).get('spark_telemetry_dropped_total{kind="frame"}')).toBe(5);
    dropped = 6;
    expect(parse(await metrics.text()).get('spark_telemetry_dropped_total{kind="frame"}')).toBe(6);
  });

  it('given a reading that fails, then it is missing and counted, and the rest is there', async () => {
    const metrics = createMetrics();
    let away = false;
    metrics.collect('spark_replica_lag_seconds', () => (away ? Promise.reject(new Error('away')) : 1.5));
    expect(parse(await metrics.text()).get('spark_replica_lag_seconds')).toBe(1.5);
    away = true;
    const samples = parse(await metrics.text());
    expect(samples.has('spark_replica_lag_seconds')).toBe(false);
    expect(samples.get('spark_scrape_errors_total{metric="spark_replica_lag_seconds"}')).toBe(1);
  });

  it('given two of them and the process metrics, then they do not share anything', async () => {
    const a = createMetrics({ processMetrics: true });
    const b = createMetrics({ processMetrics: true });
    a.inc('spark_events_published_total', {});
    expect(parse(await b.text()).get('spark_events_published_total')).toBe(0);
    expect(await b.text()).toContain('process_cpu_seconds_total');
  });
});

/** Reads the text format strictly: every line is a comment or a sample, every sample has its HELP and TYPE before it. */
function parse(text: string): Map<string, number> {
  const typed = new Set<string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE ([a-z0-9_]+) (counter|gauge|histogram)$/.exec(line);
    if (type?.[1]) typed.add(type[1]);
    if (line === '' || line.startsWith('#')) continue;
    const sample = /^(([a-z0-9_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})?) (\S+)$/.exec(line);
    if (!sample) throw new Error(`not a sample: ${line}`);
    const [, key = '', family = '', , value = ''] = sample;
    if (!typed.has(family) && !typed.has(key.replace(/\{.*/, ''))) throw new Error(`untyped: ${line}`);
    samples.set(key, Number(value));
  }
  return samples;
}

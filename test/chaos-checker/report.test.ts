import { describe, expect, it } from 'vitest';
import { judge } from '../../chaos/checker/check.js';
import type { HistoryEntry } from '../../chaos/history.js';
import { reportOf, tableOf } from '../../chaos/report.js';
import { endEvent, evidenceOf, historyOf, logOf, type Script, sent, startedEvent } from './support/run.js';

const a: Script = { commandId: 'a', place: 1, type: 'unity.render_preview' };
const b: Script = { commandId: 'b', place: 2, type: 'unity.render_preview' };
const facts = { seed: 's', minutes: 1, cluster: false, recoveries: [], settledMs: 900, troubles: [] };
type Timed = HistoryEntry & { atMs?: number };

const entries: Timed[] = [
  { kind: 'phase', phase: 'run', atMs: 0 },
  ...sent(a),
  ...sent(a, { opId: 'again', send: 2 }).map((entry) =>
    entry.kind === 'ok' ? { ...entry, duplicate: true } : entry,
  ),
  { kind: 'process', phase: 'kill', name: 'worker-1', role: 'worker' },
  { kind: 'nemesis', phase: 'start', id: '1', fault: 'kill', target: 'worker-1' },
  { kind: 'tree', moment: 'before', editor: 'e0', under: 'Assets/W', walk: 'w', files: {}, complete: true },
  { kind: 'tree', moment: 'after', editor: 'e0', under: 'Assets/W', walk: 'w', files: {}, complete: true },
  { kind: 'checkpoint', server: 'primary', streams: {}, positions: {} },
  { kind: 'feed', watcher: 'w', session: 'nobody', happened: 'open' },
  { kind: 'feed', watcher: 'w', session: 's0', happened: 'event', seq: 2_048 },
  { kind: 'telemetry', happened: 'up', subscriber: 't' },
  { kind: 'telemetry', happened: 'frame', subscriber: 't', session: 's0', commandId: 'a' },
  { kind: 'telemetry', happened: 'frame', subscriber: 't', session: 's0', commandId: 'b' },
  { kind: 'phase', phase: 'healing', atMs: 4_000 },
  { kind: 'phase', phase: 'healed', atMs: 5_000 },
];
const log = logOf(
  [startedEvent(a, { intent: null })],
  [endEvent(a)],
  [startedEvent(b, { intent: null })],
  [endEvent(b)],
);
const evidence = evidenceOf({ log, history: historyOf(entries) });
const checked = { judged: judge(evidence), evidence };

describe('the report', () => {
  it('given a run in which everything holds and was looked at, it passes and tells the figures', () => {
    const recoveries = [100, 200, 300, 4_000].map((ms) => ({ kind: 'worker', ms }));
    const report = reportOf(checked, { ...facts, recoveries });
    expect(
      report.invariants.filter(({ violations, checked: n }) => violations.length > 0 || n === 0),
    ).toEqual([]);
    expect(report).toMatchObject({
      passed: true,
      commands: {
        total: 2,
        perSecond: 0.5,
        byState: { completed: 2 },
        sends: 2,
        accepted: 2,
        duplicatesAnswered: 1,
      },
      faults: { kills: 1, killsByKind: { worker: 1 }, byKind: { kill: 1 } },
      recovery: { worker: { count: 4, p50Ms: 200, p99Ms: 4_000 } },
      longestGapMs: 20,
    });
    expect(tableOf(report)).toContain('chaos: PASSED · 1 min · seed s');
  });

  it('given a violation, a system that never settled, or an invariant with nothing to look at, it fails', () => {
    const never = reportOf(checked, { ...facts, settledMs: undefined });
    expect(never.passed).toBe(false);
    expect(tableOf(never)).toContain('settled NEVER');
    const [first, ...rest] = checked.judged;
    if (!first) throw new Error('twelve invariants');
    const violation = {
      invariant: 'I1' as const,
      detail: 'a command is gone',
      commandId: 'a',
      evidence: { log: 'nothing' },
      around: ['kill worker-1 (+3 ms)'],
    };
    const broken = reportOf({ evidence, judged: [{ ...first, violations: [violation] }, ...rest] }, facts);
    expect(broken.passed).toBe(false);
    expect(tableOf(broken)).toMatch(
      /I1 +1 VIOLATIONS[\s\S]*a command is gone \[a\][\s\S]*kill worker-1[\s\S]*log: "nothing"/,
    );
    const unhealed = reportOf(checked, { ...facts, troubles: ['strike 3, kill of worker-1: not_healed'] });
    expect(unhealed.passed).toBe(false);
    expect(tableOf(unhealed)).toMatch(/^chaos: FAILED[\s\S]*TROUBLE +strike 3, kill of worker-1: not_healed/);
    const blind = reportOf({ evidence, judged: [{ ...first, checked: 0, violations: [] }, ...rest] }, facts);
    expect(blind.passed).toBe(false);
    expect(tableOf(blind)).toContain('NOT LOOKED AT');
  });

  it('given a stream that did not answer, then what is judged by it fails with what the server said, and the rest is judged', () => {
    const unread = [{ source: 'telemetry' as const, said: 'stream not found (10059)' }];
    const without = { ...evidence, unread };
    const report = reportOf({ evidence: without, judged: judge(without) }, facts);
    expect(report.passed).toBe(false);
    expect(report.invariants.filter(({ violations }) => violations.length > 0).map(({ id }) => id)).toEqual([
      'I11',
    ]);
    expect(tableOf(report)).toMatch(
      /I11 +1 VIOLATIONS[\s\S]*the telemetry stream \(SPARK_TELEMETRY\) could not be read[\s\S]*stream not found \(10059\)/,
    );
  });

  it('given a log that did not answer, then nothing is said to be missing from it', () => {
    const without = { ...evidence, log: [], unread: [{ source: 'log' as const, said: 'TIMEOUT' }] };
    const told = judge(without).flatMap(({ violations }) => violations.map(({ detail }) => detail));
    expect(new Set(told)).toEqual(new Set(['cannot be judged: the log (SPARK_LOG) could not be read']));
  });

  it('given evidence that an invariant trips over, then that is told of it, and the rest is judged', () => {
    const broken = { ...evidence, models: { ...evidence.models, primary: null as never } };
    const failed = judge(broken).filter(({ violations }) => violations.length > 0);
    expect(failed.map(({ id, checked: n }) => [id, n])).toEqual([
      ['I6', 0],
      ['I7', 0],
    ]);
    expect(failed[0]?.violations[0]?.detail).toContain('the checker failed');
  });
});

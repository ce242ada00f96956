import { describe, expect, it } from 'vitest';
import type { BuildTraces, EditorBuild } from '../../src/workers/buildPort.js';
import {
  type BuildLook,
  type BuildWatchLimits,
  decideBuild,
  isThisBuild,
  NOTHING_SEEN,
  type WatchMemory,
} from '../../src/workers/builds/decideBuild.js';

const build = { outputPath: 'Builds/webgl/c-1', target: 'webgl' };
const limits: BuildWatchLimits = { timeoutMs: 10_000, maxPollMs: 5_000, graceMs: 3_000 };
const entry = (over: Partial<EditorBuild> = {}): EditorBuild => ({
  jobId: 'job-1',
  state: 'running',
  outputPath: build.outputPath,
  platform: 'WebGL',
  totalBytes: 2_048,
  durationMs: 700,
  warnings: 3,
  error: null,
  percent: null,
  pollMs: 1_000,
  ...over,
});
const job = (over: Partial<EditorBuild> = {}): BuildLook => ({ kind: 'build', build: entry(over) });
const traces = (over: Partial<BuildTraces> = {}): BuildLook => ({
  kind: 'traces',
  succeeded: false,
  lastLine: null,
  outputBytes: null,
  ...over,
});
const decide = (look: BuildLook, elapsedMs = 0, memory: WatchMemory = NOTHING_SEEN) =>
  decideBuild(build, memory, look, elapsedMs, limits);

describe('one look at a build', () => {
  it.each([
    [1_000, 1_000],
    [1, 250],
    [60_000, 5_000],
    [null, 5_000],
  ])(
    'given it runs and the editor wants to be asked again after %s ms, then it is after %i',
    (pollMs, afterMs) => {
      expect(decide(job({ pollMs }))).toEqual({
        kind: 'wait',
        afterMs,
        memory: { jobId: 'job-1', goneSinceMs: null, outputBytes: null },
      });
    },
  );

  it('given the job succeeded, then it completed with what the editor measured', () => {
    const record = {
      ...build,
      platform: 'WebGL',
      totalBytes: 2_048,
      durationMs: 700,
      warnings: 3,
    };
    expect(decide(job({ state: 'succeeded' }))).toEqual({
      kind: 'end',
      verdict: { kind: 'completed', result: { ...record, foundBy: 'job' }, build: record },
    });
  });

  it.each([
    ['failed', 'failed', 'build_failed', 'no scenes'],
    ['cancelled', 'cancelled', 'cancelled', 'cancelled in the editor'],
  ] as const)('given the job %s, then the command is %s with the code %s', (state, outcome, code, said) => {
    expect(decide(job({ state, error: 'no scenes' }))).toMatchObject({
      kind: 'end',
      verdict: { kind: 'failed', outcome, error: { code, message: expect.stringContaining(said) }, build },
    });
  });

  it('given nobody answers, then it waits whatever the grace is, and keeps what it knew', () => {
    const memory = { jobId: 'job-1', goneSinceMs: 0, outputBytes: null };
    expect(decide({ kind: 'silent', reason: 'blocked' }, 9_000, memory)).toEqual({
      kind: 'wait',
      afterMs: 1_000,
      memory,
    });
  });

  it('given the table forgot it and the console says that it succeeded, then it completed', () => {
    expect(decide(traces({ succeeded: true, outputBytes: 77 }))).toMatchObject({
      verdict: { kind: 'completed', result: { foundBy: 'console', totalBytes: 77 } },
    });
  });

  it('given an output that grows, then it waits until two looks agree', () => {
    const first = decide(traces({ outputBytes: 10 }), 100);
    expect(first).toMatchObject({ kind: 'wait', memory: { outputBytes: 10, goneSinceMs: 100 } });
    const second = decide(
      traces({ outputBytes: 20 }),
      9_500,
      first.kind === 'wait' ? first.memory : NOTHING_SEEN,
    );
    expect(second).toMatchObject({ kind: 'wait', memory: { outputBytes: 20 } });
    const third = decide(
      traces({ outputBytes: 20 }),
      9_600,
      second.kind === 'wait' ? second.memory : NOTHING_SEEN,
    );
    expect(third).toMatchObject({
      kind: 'end',
      verdict: { kind: 'completed', result: { foundBy: 'output' } },
    });
  });

  it('given no trace for the grace, then the outcome is unknown and the last console line is told', () => {
    const memory = { jobId: null, goneSinceMs: 1_000, outputBytes: null };
    expect(decide(traces(), 3_999, memory)).toMatchObject({ kind: 'wait', memory: { goneSinceMs: 1_000 } });
    expect(
      decide(traces({ lastLine: '[MCP Build] ✗ Build failed: WebGL — boom' }), 4_000, memory),
    ).toMatchObject({
      kind: 'end',
      verdict: {
        outcome: 'outcome_unknown',
        error: { code: 'build_lost', message: expect.stringContaining('✗ Build failed: WebGL — boom') },
      },
    });
  });

  it('given it is found again after having been gone, then the grace begins anew', () => {
    const memory = { jobId: null, goneSinceMs: 1_000, outputBytes: null };
    expect(decide(job(), 2_000, memory)).toMatchObject({ memory: { jobId: 'job-1', goneSinceMs: null } });
  });

  it.each([
    ['runs', job()],
    ['is silent', { kind: 'silent', reason: 'blocked' } as const],
  ])('given its time is over and it %s, then it ends as a timeout', (_, look) => {
    expect(decide(look, 10_000)).toMatchObject({
      kind: 'end',
      verdict: {
        kind: 'failed',
        outcome: 'failed',
        suffix: 'timeout',
        error: { code: 'build_timeout' },
        build,
      },
    });
  });

  it('given its time is over and it succeeded, then it completed', () => {
    expect(decide(job({ state: 'succeeded' }), 99_000)).toMatchObject({ verdict: { kind: 'completed' } });
  });

  it('never sleeps past its time', () => {
    expect(decide(job(), 9_700)).toMatchObject({ kind: 'wait', afterMs: 300 });
  });
});

describe('whether an entry of the job table is this build', () => {
  it.each([
    ['Builds/webgl/c-1', true],
    ['C:\\Projects\\Game\\Builds\\webgl\\c-1', true],
    ['Builds/webgl/c-2', false],
  ])('given the output path %s: %s, whatever was asked for', (outputPath, ours) => {
    for (const askedId of [null, 'job-1'])
      expect(isThisBuild(entry({ outputPath }), build, askedId)).toBe(ours);
  });

  it.each([
    ['the newest build', null, 'job-1', false],
    ['its own job id', 'job-1', 'job-1', true],
    ['its own job id, and the entry names none', 'job-1', null, true],
    ['its own job id, and the answer is about another', 'job-1', 'job-2', false],
  ])('given no output path and %s was asked for', (_, askedId, jobId, ours) => {
    expect(isThisBuild(entry({ outputPath: null, jobId }), build, askedId)).toBe(ours);
  });
});

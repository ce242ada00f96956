import { describe, expect, it } from 'vitest';
import type { FailedEvent, StartedEvent } from '../../src/events/event.js';
import { outputPathOf } from '../../src/workers/execute/executeBuild.js';
import type { FinalVerdict, Task, Verdict } from '../../src/workers/lanes/task.js';
import { completedEvent, failedEvent } from '../../src/workers/ledger/recorder.js';
import { aCommand } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';

const webgl = (seq = 1, sessionId = 'builders') =>
  aCommand({ seq, sessionId, type: 'unity.run_build', payload: { target: 'webgl' } });
const statusOf = (jobId: string) => aCommand({ seq: 9, type: 'unity.get_build_status', payload: { jobId } });
const unknown = { kind: 'unknown', reason: 'the reply was lost', mayStillRun: true } as const;
const away = { kind: 'away', reason: 'reloading', retryAfterMs: 10 } as const;

async function endOf(verdict: Verdict): Promise<FinalVerdict> {
  if (verdict.kind === 'detached') return verdict.done;
  if (verdict.kind === 'completed' || verdict.kind === 'failed') return verdict;
  throw new Error(`not an end: ${verdict.kind}`);
}

/** The end as the worker records it. */
function record(rig: ExecuteRig, task: Task, verdict: FinalVerdict): void {
  rig.jobs.apply(
    verdict.kind === 'completed'
      ? completedEvent(task, verdict, 1, 'now')
      : failedEvent(task, verdict, 1, 'now'),
  );
}

describe('run_build', () => {
  it.each([
    ['webgl', 'Builds/webgl/c'],
    ['ios', 'Builds/ios/c'],
    ['windows64', 'Builds/windows64/c/Player.exe'],
    ['osx', 'Builds/osx/c/Player.app'],
    ['linux64', 'Builds/linux64/c/Player.x86_64'],
    ['android', 'Builds/android/c/Player.apk'],
  ])('given the target %s, then its output is %s', (target, path) => {
    expect(outputPathOf(target, 'c')).toBe(path);
  });

  it('given a build that works, then the intent comes first, it starts once and ends with its record', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    const { commandId } = task.command;
    const verdict = await rig.go(task);
    expect(verdict.kind).toBe('detached');
    expect(rig.started).toMatchObject([
      { build: { outputPath: `Builds/webgl/${commandId}`, target: 'webgl' } },
    ]);
    let polls = 0;
    rig.gate.builds.onLook = () => {
      polls++;
      if (polls === 3) rig.gate.builds.set('job-1', { state: 'succeeded', totalBytes: 5, platform: 'WebGL' });
    };
    expect(await endOf(verdict)).toMatchObject({
      kind: 'completed',
      build: { outputPath: `Builds/webgl/${commandId}`, totalBytes: 5, platform: 'WebGL' },
    });
    expect(rig.gate.builds.started).toHaveLength(1);
    expect(rig.ticks.length).toBeGreaterThanOrEqual(3);
    expect(rig.ticks[1]).toMatchObject({
      jobId: commandId,
      state: 'building',
      sessionId: 'builders',
      percent: null,
    });
  });

  it('given the start reply is lost, then the build is found by its output path and there is no second start', async () => {
    const rig = new ExecuteRig();
    rig.gate.builds.script.push({ reaches: true, answer: unknown });
    const verdict = await rig.go(rig.task(webgl()));
    rig.gate.builds.onLook = (look) =>
      look === 'job-1' && rig.gate.builds.set('job-1', { state: 'succeeded' });
    expect(await endOf(verdict)).toMatchObject({ kind: 'completed' });
    expect(rig.gate.drains).toBe(1);
    expect(rig.gate.builds.looks).toEqual(['newest', 'job-1']);
    expect(rig.gate.builds.started).toHaveLength(1);
  });

  it('given a lost start that never arrived, then the outcome is unknown after the grace, not a second build', async () => {
    const rig = new ExecuteRig();
    rig.gate.builds.script.push({ reaches: false, answer: unknown });
    const begunMs = rig.clock.monotonicMs();
    const end = await endOf(await rig.go(rig.task(webgl())));
    expect(end).toMatchObject({ outcome: 'outcome_unknown', error: { code: 'build_lost' } });
    expect(rig.clock.monotonicMs() - begunMs).toBeGreaterThanOrEqual(60_000);
    expect(rig.gate.builds.started).toEqual([]);
  });

  it('given another build of the editor is the newest, then it is not taken for this one', async () => {
    const rig = new ExecuteRig();
    rig.gate.builds.set('somebody', { outputPath: 'Builds/webgl/other', state: 'succeeded' });
    rig.gate.builds.script.push({ reaches: false, answer: unknown });
    expect(await endOf(await rig.go(rig.task(webgl())))).toMatchObject({ error: { code: 'build_lost' } });
  });

  it('given the newest build names no output path and has ended, then it is not taken for this one', async () => {
    const rig = new ExecuteRig();
    rig.gate.builds.set('somebody', { state: 'succeeded' });
    rig.gate.builds.script.push({ reaches: false, answer: unknown });
    expect(await endOf(await rig.go(rig.task(webgl())))).toMatchObject({ error: { code: 'build_lost' } });
  });

  it('given the newest build names no output path and runs, then it is waited for, and what it leaves tells', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    rig.gate.builds.set('somebody', {});
    rig.gate.builds.script.push({ reaches: false, answer: unknown });
    const output = outputPathOf('webgl', task.command.commandId);
    let looks = 0;
    rig.gate.builds.onLook = (look) => {
      if (look !== 'newest' || ++looks < 100) return;
      rig.gate.builds.set('somebody', { state: 'failed' });
      rig.gate.builds.outputs.set(output, 10);
    };
    expect(await endOf(await rig.go(task))).toMatchObject({
      kind: 'completed',
      result: { foundBy: 'output' },
    });
    expect(rig.gate.builds.looks.slice(0, 99)).toEqual(Array.from({ length: 99 }, () => 'newest'));
  });

  it('given another build held the editor for longer than a build may take, then this one still has all its time', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    rig.gate.builds.script.push({ reaches: false, answer: away });
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    Object.assign(task.started ?? {}, { timestamp: new Date(rig.clock.nowMs()).toISOString() });
    rig.clock.advance(2 * 3_600_000);
    const verdict = await rig.go(task);
    let looks = 0;
    rig.gate.builds.onLook = () => {
      if (++looks === 3) rig.gate.builds.set('job-1', { state: 'succeeded' });
    };
    expect(await endOf(verdict)).toMatchObject({ kind: 'completed' });
    expect(rig.ticks[0]).toMatchObject({ elapsedMs: 0 });
  });

  it('given a start that was certainly not taken, then it is tried again and starts once', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    rig.gate.builds.script.push(
      { reaches: false, answer: { kind: 'not_executed', reason: 'session lost', retryAfterMs: 0 } },
      { reaches: false, answer: away },
    );
    expect(await rig.go(task)).toMatchObject({ kind: 'retry' });
    expect(await rig.go(task)).toMatchObject({ kind: 'hold', reason: 'reloading' });
    expect(await rig.go(task)).toMatchObject({ kind: 'detached' });
    expect(rig.started).toHaveLength(1);
    expect(rig.gate.builds.started).toHaveLength(1);
    expect(task.attempts).toBe(2);
  });

  it('given the editor is away before the intent, then nothing is recorded and nothing sent', async () => {
    const rig = new ExecuteRig();
    rig.gate.away.add('default');
    expect(await rig.go(rig.task(webgl()))).toMatchObject({ kind: 'hold' });
    expect([rig.started, rig.gate.builds.calls]).toEqual([[], []]);
  });

  it('given a refusal, then it fails with the reason of the editor', async () => {
    const rig = new ExecuteRig();
    rig.gate.builds.script.push({
      reaches: false,
      answer: { kind: 'refused', code: 'unity_refused', message: 'no' },
    });
    expect(await rig.go(rig.task(webgl()))).toMatchObject({
      outcome: 'failed',
      error: { code: 'unity_refused' },
      build: { target: 'webgl' },
    });
  });

  it('given a worker that died after the intent, then the next one only looks', async () => {
    const first = new ExecuteRig();
    await first.go(first.task(webgl()));
    const started = first.started[0] as StartedEvent;
    const next = new ExecuteRig();
    const { builds } = next.gate;
    builds.set('job-1', { outputPath: started.build?.outputPath ?? null });
    builds.onLook = (look) => look === 'job-1' && builds.set('job-1', { state: 'succeeded' });
    next.jobs.apply(started);
    const verdict = await next.go(next.task(webgl(), started));
    expect(await endOf(verdict)).toMatchObject({ kind: 'completed' });
    expect(builds.started).toEqual([]);
  });

  it('given the job table is wiped while it builds, then console or output bring it to its end', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    const verdict = await rig.go(task);
    const output = outputPathOf('webgl', task.command.commandId);
    const { builds } = rig.gate;
    let traces = 0;
    builds.onLook = (look) => {
      if (look === 'job-1') builds.wipe();
      if (look === 'traces' && ++traces === 2) builds.outputs.set(output, 10);
    };
    expect(await endOf(verdict)).toMatchObject({
      kind: 'completed',
      result: { foundBy: 'output', totalBytes: 10 },
    });
  });

  it('given a build that blocks its editor beyond the limit, then it ends as build.timeout', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    const verdict = await rig.go(task);
    rig.gate.builds.silent = 'blocked';
    const end = await endOf(verdict);
    expect(end).toMatchObject({ suffix: 'timeout', error: { code: 'build_timeout' } });
    const event: FailedEvent = failedEvent(task, end as Extract<FinalVerdict, { kind: 'failed' }>, 1, 'now');
    expect(event.type).toBe('build.timeout');
    record(rig, task, end);
    expect(rig.jobs.ended(task.command.commandId)).toMatchObject({ state: 'timeout' });
  });

  it('given the owner ends, then the watch ends without a verdict', async () => {
    const rig = new ExecuteRig();
    const owner = new AbortController();
    const { execute } = await import('../../src/workers/execute/execute.js');
    const verdict = await execute(rig.task(webgl()), rig.context, owner.signal);
    rig.gate.builds.onLook = () => owner.abort(new Error('stopped'));
    await expect(endOf(verdict)).rejects.toThrow();
  });

  it('given somebody cancels it, then the editor is asked and it ends as cancelled', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(webgl());
    const verdict = await rig.go(task);
    let asked: Promise<boolean> | undefined;
    rig.gate.builds.onLook = () => {
      asked ??= rig.jobs.cancel(task.command.commandId);
    };
    expect(await endOf(verdict)).toMatchObject({ outcome: 'cancelled', error: { code: 'cancelled' } });
    expect(await asked).toBe(true);
    expect(rig.gate.builds.cancels).toEqual(['job-1']);
  });
});

describe('while a build runs', () => {
  it('then commands that need its editor wait, without an attempt; other editors go on', async () => {
    const rig = new ExecuteRig();
    const building = rig.task(webgl());
    const verdict = await rig.go(building);
    const here = rig.task(aCommand({ seq: 2 }));
    expect(await rig.go(here)).toEqual({
      kind: 'retry',
      reason: 'a build runs in this editor',
      afterMs: 250,
    });
    expect([here.attempts, rig.retries]).toEqual([0, []]);
    expect((await rig.go(rig.task(aCommand({ seq: 3, editor: 'other' })))).kind).toBe('completed');
    rig.gate.builds.set('job-1', { state: 'succeeded' });
    record(rig, building, await endOf(verdict));
    expect((await rig.go(here)).kind).toBe('completed');
  });

  it('given one that an earlier life began and nobody takes up, then its editor waits a minute for it and no longer', async () => {
    const first = new ExecuteRig();
    await first.go(first.task(webgl()));
    const next = new ExecuteRig();
    next.jobs.apply(first.started[0] as StartedEvent);
    const task = next.task(aCommand({ seq: 2 }));
    expect((await next.go(task)).kind).toBe('retry');
    next.clock.advance(60_000);
    expect((await next.go(task)).kind).toBe('completed');
  });

  it('then get_build_status tells at once how far it is, and afterwards how it ended', async () => {
    const rig = new ExecuteRig();
    const building = rig.task(webgl());
    const { commandId } = building.command;
    const verdict = await rig.go(building);
    rig.gate.builds.set('job-1', { percent: 40 });
    expect(await rig.go(rig.task(statusOf(commandId)))).toMatchObject({
      kind: 'completed',
      result: { jobId: commandId, state: 'started', phase: 'building', editorJobId: 'job-1', percent: 40 },
    });
    rig.gate.builds.set('job-1', { state: 'failed', error: 'no scenes' });
    record(rig, building, await endOf(verdict));
    expect(await rig.go(rig.task(statusOf(commandId)))).toMatchObject({
      result: { jobId: commandId, state: 'failed', error: { code: 'build_failed', message: 'no scenes' } },
    });
  });

  it('given an id that is no build, then get_build_status fails with unknown_job', async () => {
    const rig = new ExecuteRig();
    expect(await rig.go(rig.task(statusOf('00000000-0000-4000-8000-000000000000')))).toMatchObject({
      kind: 'failed',
      error: { code: 'unknown_job' },
    });
  });

  it('given more than 1,000 ended builds, then the oldest is forgotten', async () => {
    const rig = new ExecuteRig();
    const ids: string[] = [];
    for (let seq = 1; seq <= 1_001; seq++) {
      const task = rig.task(webgl(seq));
      ids.push(task.command.commandId);
      await rig.context.recordStarted(task, {
        build: { outputPath: `Builds/webgl/${seq}`, target: 'webgl' },
      });
      record(rig, task, {
        kind: 'failed',
        outcome: 'failed',
        error: { code: 'build_failed', message: 'no' },
      });
    }
    expect(rig.jobs.ended(ids[0] as string)).toBeUndefined();
    expect(rig.jobs.ended(ids[1] as string)).toMatchObject({ state: 'failed' });
  });
});

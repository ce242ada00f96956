import { describe, expect, it } from 'vitest';
import { newTask } from '../../src/workers/lanes/task.js';
import { completedEvent, startedEvent } from '../../src/workers/ledger/recorder.js';
import type { PresetFile } from '../../src/workers/presetPort.js';
import { aCommand } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';

let seq = 0;
const preset = () => aCommand({ seq: ++seq, type: 'preset.apply', payload: { presetId: 'platformer-2d' } });
const file = (name: string): PresetFile => ({
  path: `Assets/Game/${name}`,
  bytes: Buffer.from(`// ${name}`),
  meta: null,
});
const [FIRST, SECOND] = [file('A.cs'), file('B.cs')];

function aRig(): ExecuteRig {
  const rig = new ExecuteRig();
  rig.gate.folders = new Map();
  Object.assign(rig.context, { presets: { files: async () => [FIRST, SECOND] } });
  return rig;
}
const pathsOf = (rig: ExecuteRig) => [...rig.gate.files.keys()].map((key) => key.split('\0')[1]);

/** Looks at the file fail as long as `fails` says so, once anything has been written. */
function breakLooks(rig: ExecuteRig, path: string, fails: (look: number) => boolean): void {
  let looks = 0;
  rig.gate.onProbe = (_, asked) => {
    if (asked === path && rig.gate.effects.length > 0 && fails(++looks)) throw new Error('broken pipe');
    return undefined;
  };
}

describe('a unit whose go throws until its attempts are spent', () => {
  it('given files that were written, takes them back and ends as failed', async () => {
    const rig = aRig();
    breakLooks(rig, SECOND.path, (look) => look <= 2);
    expect(await rig.run(preset())).toMatchObject({
      outcome: 'failed',
      exhausted: true,
      error: { code: 'attempts_exhausted', takenBack: 1 },
    });
    expect(pathsOf(rig)).toEqual([]);
    expect(rig.undoLog.operationsOf('session-1')).toEqual([]);
  });

  it('given the way back throws too, says that the outcome is unknown and records what stands', async () => {
    const rig = aRig();
    breakLooks(rig, SECOND.path, () => true);
    expect(await rig.run(preset())).toMatchObject({
      outcome: 'outcome_unknown',
      error: { code: 'attempts_exhausted' },
      changes: [{ direction: 'apply', operation: { path: FIRST.path } }],
    });
    expect(pathsOf(rig)).toEqual([FIRST.path]);
    expect(rig.undoLog.operationsOf('session-1')).toHaveLength(1);
  });

  it('given a file that was written and never looked at again, never says that nothing happened', async () => {
    const rig = aRig();
    breakLooks(rig, FIRST.path, () => true);
    expect(await rig.run(preset())).toMatchObject({ outcome: 'outcome_unknown' });
    expect(pathsOf(rig)).toEqual([FIRST.path]);
  });

  it('given it was written and can be looked at later, takes it back', async () => {
    const rig = aRig();
    breakLooks(rig, FIRST.path, (look) => look <= 2);
    expect(await rig.run(preset())).toMatchObject({ outcome: 'failed', exhausted: true });
    expect(pathsOf(rig)).toEqual([]);
  });

  it('given a gate that throws after the write arrived, takes it back', async () => {
    const rig = aRig();
    const { run } = rig.gate;
    let throws = 2;
    Object.assign(rig.gate, {
      run: async (...args: Parameters<typeof run>) => {
        const answer = await run.apply(rig.gate, args);
        if (throws-- > 0) throw new Error('broken pipe');
        return answer;
      },
    });
    rig.gate.onProbe = () => {
      if (rig.gate.effects.length > 0 && throws > 0 && throws-- > 0) throw new Error('broken pipe');
      return undefined;
    };
    expect(await rig.run(preset())).toMatchObject({ outcome: 'failed', exhausted: true });
    expect(pathsOf(rig)).toEqual([]);
  });

  it('given it was taken up from the log and its images cannot be read, says that the outcome is unknown', async () => {
    const rig = aRig();
    const command = preset();
    await rig.go(rig.task(command));
    const [started] = rig.started;
    expect(started?.intents).toHaveLength(2);
    rig.images.get = () => Promise.reject(new Error('no image store'));
    const task = newTask(command, { kind: 'parked', parkedSeq: 0 }, started);
    expect(await rig.toEnd(task)).toMatchObject({ outcome: 'outcome_unknown' });
  });

  it('given it was taken up from the log and one file cannot be looked at, takes back those that can', async () => {
    const first = aRig();
    const command = preset();
    await first.go(first.task(command));
    const [started] = first.started;
    breakLooks(first, FIRST.path, (look) => look <= 2);
    expect(await first.toEnd(first.task(command, started))).toMatchObject({ outcome: 'failed' });
    expect(pathsOf(first)).toEqual([]);
  });

  it('given every file is as intended and only what follows throws, leaves them and records them', async () => {
    const rig = aRig();
    rig.now = '2030-01-01T00:00:01.000Z';
    await rig.run(preset());
    const build = rig.task(aCommand({ seq: ++seq, type: 'unity.run_build', payload: { target: 'webgl' } }));
    const made = { outputPath: 'Builds/webgl/c', target: 'webgl' };
    rig.jobs.apply(startedEvent(build.command, { epoch: 1, call: 1 }, { build: made }, rig.now));
    rig.jobs.apply(completedEvent(build, { kind: 'completed', result: {} }, 1, rig.now));
    rig.gate.builds.removeOutput = () => Promise.reject(new Error('broken pipe'));
    const to = '2030-01-01T00:00:00.000Z';
    expect(await rig.run(aCommand({ seq: ++seq, type: 'session.rollback', payload: { to } }))).toMatchObject({
      outcome: 'outcome_unknown',
      changes: [
        { direction: 'undo', operation: { path: SECOND.path } },
        { direction: 'undo', operation: { path: FIRST.path } },
      ],
    });
    expect(pathsOf(rig)).toEqual([]);
  });

  it('given nothing was written, ends as failed at once', async () => {
    const rig = aRig();
    const recordStarted = rig.context.recordStarted;
    let goes = 0;
    Object.assign(rig.context, {
      recordStarted: async (...args: Parameters<typeof recordStarted>) => {
        await recordStarted(...args);
        rig.gate.onProbe = () => {
          goes++;
          throw new Error('broken pipe');
        };
      },
    });
    expect(await rig.run(preset())).toMatchObject({ outcome: 'failed', exhausted: true });
    expect(goes).toBe(3);
  });
});

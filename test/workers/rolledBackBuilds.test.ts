import { describe, expect, it } from 'vitest';
import { EVENT_VERSION } from '../../src/events/event.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';

let seq = 0;
const write = (path: string) => aCommand({ seq: ++seq, payload: scriptPayload(path, 'class A {}', true) });
const rollback = (to: string) => aCommand({ seq: ++seq, type: 'session.rollback', payload: { to } });

/** An ended build of the session, as the log tells it; gives back its output path. */
function built(rig: ExecuteRig, at: string, sessionId = 'session-1'): string {
  const command = aCommand({ seq: ++seq, type: 'unity.run_build', sessionId, payload: { target: 'webgl' } });
  const outputPath = `Builds/webgl/${command.commandId}`;
  const base = {
    ...{ v: EVENT_VERSION, eventId: 'e', commandId: command.commandId, sessionId, editor: command.editor },
    ...{ timestamp: at, position: command.position },
  } as const;
  const build = { outputPath, target: 'webgl' };
  rig.jobs.apply({ ...base, type: 'build.started', kind: 'started', build } as never);
  rig.jobs.apply({ ...base, type: 'build.completed', kind: 'completed', result: {} } as never);
  rig.gate.builds.outputs.set(outputPath, 10);
  return outputPath;
}

describe('builds of a session that is rolled back', () => {
  it('given builds before and after the moment, and of another session, then only the later one of the session goes', async () => {
    const rig = new ExecuteRig();
    const kept = built(rig, '2030-01-01T09:00:00.000Z');
    rig.now = '2030-01-01T10:00:00.000Z';
    await rig.run(write('Assets/A.cs'));
    const gone = built(rig, '2030-01-01T11:00:00.000Z');
    const others = built(rig, '2030-01-01T11:00:00.000Z', 'session-2');

    const verdict = await rig.run(rollback('2030-01-01T09:30:00Z'));

    expect(verdict).toMatchObject({ kind: 'completed', result: { operations: 1, buildsRemoved: [gone] } });
    expect([...rig.gate.builds.outputs.keys()]).toEqual([kept, others]);
  });

  it('given a rollback to an operation, then builds started after it go, and again finds nothing', async () => {
    const rig = new ExecuteRig();
    rig.now = '2030-01-01T10:00:00.000Z';
    const stays = write('Assets/A.cs');
    await rig.run(stays);
    const gone = built(rig, '2030-01-01T11:00:00.000Z');

    expect(await rig.run(rollback(stays.commandId))).toMatchObject({ result: { buildsRemoved: [gone] } });
    expect(rig.gate.builds.outputs.size).toBe(0);
  });

  it('given an editor whose folder is out of reach, then the rollback completes and tells what was left', async () => {
    const rig = new ExecuteRig();
    const left = built(rig, '2030-01-01T11:00:00.000Z');
    rig.gate.builds.removeOutput = async () => ({
      kind: 'refused',
      code: 'no_project_folder',
      message: 'why',
    });

    expect(await rig.run(rollback('2030-01-01T09:30:00Z'))).toMatchObject({
      kind: 'completed',
      result: { buildsLeft: [{ outputPath: left, reason: 'why' }] },
    });
  });

  it('given an editor that is away, then the rollback waits and takes it up later', async () => {
    const rig = new ExecuteRig();
    const gone = built(rig, '2030-01-01T11:00:00.000Z');
    const { removeOutput } = rig.gate.builds;
    rig.gate.builds.removeOutput = async () => ({ kind: 'away', reason: 'reload', retryAfterMs: 5 });
    const task = rig.task(rollback('2030-01-01T09:30:00Z'));
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    rig.gate.builds.removeOutput = removeOutput;
    expect(await rig.go(task)).toMatchObject({ kind: 'completed', result: { buildsRemoved: [gone] } });
  });
});

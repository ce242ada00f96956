import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/commands/envelope.js';
import { movesOf } from '../../src/events/event.js';
import type { Verdict } from '../../src/workers/lanes/task.js';
import { completedEvent } from '../../src/workers/ledger/recorder.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR, contentOfText } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';

const A = 'Assets/A.cs';
const B = 'Assets/Deep/B.cs';
let seq = 0;
const write = (path: string, code: string, wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, payload: scriptPayload(path, code, true), ...wish });
const remove = (path: string, wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, type: 'unity.delete_script', payload: { path }, ...wish });
const rollback = (to: string, wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, type: 'session.rollback', payload: { to }, ...wish });
const redo = (wish: CommandWish = {}) => aCommand({ seq: ++seq, type: 'session.redo', payload: {}, ...wish });
const filesOf = (rig: ExecuteRig) =>
  Object.fromEntries([...rig.gate.files].map(([key, { bytes }]) => [key, Buffer.from(bytes).toString()]));
const statesOf = (rig: ExecuteRig, sessionId = 'session-1') =>
  rig.undoLog.operationsOf(sessionId).map(({ effective }) => effective);

/** Three operations on two files of two editors. */
async function aSession() {
  const rig = new ExecuteRig();
  rig.now = '2030-01-01T10:00:00.000Z';
  const first = write(A, 'one');
  await rig.run(first);
  rig.now = '2030-01-01T10:00:01.000Z';
  await rig.run(write(B, 'far', { editor: 'left' }));
  rig.now = '2030-01-01T10:00:02.000Z';
  await rig.run(write(A, 'two'));
  return { rig, first };
}

/** Runs a command, killing its worker at the n-th fault point; then the next owner takes it up from the log. */
async function runKilledAt(rig: ExecuteRig, command: Command, point: number) {
  let left = point;
  const living = rig.context;
  const faultPoint = () => {
    if (left-- === 0) throw new KilledError('killed');
  };
  Object.assign(rig, { context: { ...living, faultPoint } });
  const before = rig.started.length;
  const outcome = await rig.toEnd(rig.task(command)).catch((error: unknown) => error);
  Object.assign(rig, { context: living });
  if (!(outcome instanceof KilledError)) return { killed: false, verdict: outcome as Verdict };
  return { killed: true, verdict: await rig.toEnd(rig.task(command, rig.started[before])) };
}

describe('session.rollback', () => {
  it('undoes everything newer than the operation, on every editor, and leaves that one', async () => {
    const { rig, first } = await aSession();
    const verdict = await rig.run(rollback(first.commandId));
    expect(verdict).toMatchObject({ kind: 'completed', result: { to: first.commandId, operations: 2 } });
    expect(filesOf(rig)).toEqual({ [`default\0${A}`]: 'one' });
    expect(statesOf(rig)).toEqual(['applied', 'undone', 'undone']);
  });

  it('to a moment undoes what was made after it; what is redone one by one comes back oldest first', async () => {
    const { rig } = await aSession();
    const before = filesOf(rig);
    await rig.run(rollback('2030-01-01T10:00:00.500Z'));
    expect(filesOf(rig)).toEqual({ [`default\0${A}`]: 'one' });
    await rig.run(redo());
    expect(rig.gate.text('left', B)).toBe('far');
    expect(rig.gate.text('default', A)).toBe('one');
    await rig.run(redo());
    expect(filesOf(rig)).toEqual(before);
    expect(await rig.run(redo())).toMatchObject({ error: { code: 'nothing_to_redo' } });
  });

  it('given nothing newer, completes and says so; given an operation nobody knows, fails', async () => {
    const { rig } = await aSession();
    expect(await rig.run(rollback('2031-01-01T00:00:00Z'))).toMatchObject({
      kind: 'completed',
      result: { operations: 0, message: expect.stringContaining('nothing') },
    });
    expect(await rig.run(rollback('7a5f6f6e-1d53-8f0a-8d4b-2f6f3b2f0c11'))).toMatchObject({
      outcome: 'failed',
      error: { code: 'unknown_operation' },
    });
  });

  it('given a foreign edit on one file, is a conflict that names it, and nothing is changed', async () => {
    const { rig } = await aSession();
    rig.gate.put('left', B, contentOfText('by hand'));
    const before = filesOf(rig);
    expect(await rig.run(rollback('2030-01-01T00:00:00Z'))).toMatchObject({
      outcome: 'conflict',
      error: { path: B, editor: 'left', laterChange: { by: 'outside SPARK' } },
    });
    expect(filesOf(rig)).toEqual(before);
    expect(rig.started.at(-1)?.intents).toBeUndefined();
  });

  it('given a later change by another session, names its session, command and actor', async () => {
    const { rig } = await aSession();
    const theirs = write(A, 'theirs', { sessionId: 'other' });
    await rig.run(theirs);
    expect(await rig.run(rollback('2030-01-01T00:00:00Z'))).toMatchObject({
      outcome: 'conflict',
      error: {
        laterChange: { sessionId: 'other', commandId: theirs.commandId, actor: 'agent-7', at: rig.now },
      },
    });
  });

  it('given another session’s change between two of its own, is a conflict that names the break', async () => {
    const { rig } = await aSession();
    const theirs = write(A, 'theirs', { sessionId: 'other' });
    await rig.run(theirs);
    await rig.run(write(A, 'three'));
    expect(await rig.run(rollback('2030-01-01T00:00:00Z'))).toMatchObject({
      outcome: 'conflict',
      error: { path: A, laterChange: { sessionId: 'other', operationId: theirs.commandId } },
    });
    expect(rig.gate.text('default', A)).toBe('three');
  });

  it('tells every operation it moved in one event, newest first, and how far it is on the way', async () => {
    const { rig } = await aSession();
    const command = rollback('2030-01-01T00:00:00Z');
    const task = rig.task(command);
    const verdict = await rig.toEnd(task);
    if (verdict.kind !== 'completed') throw new Error('not completed');
    const moves = movesOf(completedEvent(task, verdict, 1, 'now'));
    const ids = rig.undoLog.operationsOf('session-1').map(({ operationId }) => operationId);
    expect(moves.map(({ direction, operation }) => [direction, operation.operationId])).toEqual(
      ids.toReversed().map((id) => ['undo', id]),
    );
    expect(rig.unitTicks.map(({ filesDone, filesTotal }) => [filesDone, filesTotal])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  it('given a file that is edited by hand half way, takes back what was done and says conflict', async () => {
    const { rig } = await aSession();
    const before = filesOf(rig);
    rig.gate.onCall = () => {
      rig.gate.onCall = undefined;
      rig.gate.put('default', A, contentOfText('by hand'));
    };
    expect(await rig.run(rollback('2030-01-01T00:00:00Z'))).toMatchObject({
      outcome: 'conflict',
      error: { path: A, takenBack: 1 },
    });
    expect(filesOf(rig)).toEqual({ ...before, [`default\0${A}`]: 'by hand' });
    expect(statesOf(rig)).toEqual(['applied', 'applied', 'applied']);
  });

  it('given a file it cannot take back either, ends unknown and lists the operations that stay moved', async () => {
    const { rig } = await aSession();
    let calls = 0;
    rig.gate.onCall = () => {
      calls++;
      if (calls === 2) rig.gate.put('left', B, contentOfText('theirs'));
    };
    rig.gate.script.push(BEHAVIOUR.works, BEHAVIOUR.refuses);
    const verdict = await rig.run(rollback('2030-01-01T00:00:00Z'));
    expect(verdict).toMatchObject({
      outcome: 'outcome_unknown',
      error: { notTakenBack: [B] },
      changes: [{ direction: 'undo', operation: { path: B } }],
    });
    expect(statesOf(rig)).toEqual(['applied', 'undone', 'applied']);
  });

  it('given an editor that is away, holds or lets its session wait, and goes on where it was', async () => {
    const { rig } = await aSession();
    const task = rig.task(rollback('2030-01-01T00:00:00Z'));
    rig.gate.away.add('left');
    expect(await rig.go(task)).toMatchObject({ kind: 'retry', reason: 'reloading' });
    rig.gate.away.clear();
    rig.gate.away.add('default');
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    rig.gate.away.clear();
    expect(await rig.toEnd(task)).toMatchObject({ kind: 'completed' });
    expect(filesOf(rig)).toEqual({});
  });

  it('locks every editor it touches, in one order', async () => {
    const { rig } = await aSession();
    const locked: string[] = [];
    Object.assign(rig.context, {
      exclusive: (editor: string, work: () => Promise<unknown>) => {
        locked.push(editor);
        return work();
      },
    });
    await rig.run(rollback('2030-01-01T00:00:00Z', { editor: 'third' }));
    expect(locked).toEqual(['default', 'left']);
  });

  it('given any edits of two sessions, restores exactly the bytes of every point, killed anywhere or not', async () => {
    const step = fc.record({
      path: fc.constantFrom(A, B, 'Assets/C.cs'),
      editor: fc.constantFrom('default', 'left'),
      text: fc.option(fc.constantFrom('x', 'y', 'z\r\n', '\ufeffbom'), { nil: null }),
      other: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.nat({ max: 20 }),
        async (steps, pick, killAt) => {
          const rig = new ExecuteRig();
          const points: { id: string; files: Record<string, string> }[] = [];
          for (const { path, editor, text, other } of steps) {
            const wish = other ? { sessionId: 'other', editor } : { editor };
            const at = other ? path.replace('Assets/', 'Assets/Other/') : path;
            const command = text === null ? remove(at, wish) : write(at, text, wish);
            const verdict = await rig.run(command);
            const mine = !other && verdict.kind === 'completed' && verdict.change;
            if (mine) points.push({ id: command.commandId, files: filesOf(rig) });
            // What another session does later stays as it is.
            else if (other)
              for (const point of points) Object.assign(point, { files: merged(point.files, rig) });
          }
          const point = points[pick % Math.max(1, points.length)];
          if (!point) return;
          const last = filesOf(rig);
          const command = rollback(point.id);
          const { verdict } = await runKilledAt(rig, command, killAt);
          expect(verdict).toMatchObject({ kind: 'completed' });
          expect(filesOf(rig)).toEqual(point.files);
          if (verdict.kind !== 'completed') return;
          rig.undoLog.apply(completedEvent(rig.task(command), verdict, 1, 'now'));
          while ((await rig.run(redo())).kind === 'completed');
          expect(filesOf(rig)).toEqual(last);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** A point's own files with the other session's as they are now. */
function merged(files: Record<string, string>, rig: ExecuteRig): Record<string, string> {
  const mine = Object.entries(files).filter(([key]) => !key.includes('/Other/'));
  const theirs = Object.entries(filesOf(rig)).filter(([key]) => key.includes('/Other/'));
  return Object.fromEntries([...mine, ...theirs]);
}

describe('a rollback whose worker is killed', () => {
  it.each(Array.from({ length: 12 }, (_, n) => n))(
    'at its fault point %i, is finished by the next owner, each file once',
    async (point) => {
      const { rig } = await aSession();
      const effects = rig.gate.effects.length;
      const { verdict } = await runKilledAt(rig, rollback('2030-01-01T00:00:00Z'), point);
      expect(verdict).toMatchObject({ kind: 'completed', result: { operations: 3 } });
      expect(filesOf(rig)).toEqual({});
      expect(rig.gate.effects.length - effects).toBe(2);
    },
  );
});

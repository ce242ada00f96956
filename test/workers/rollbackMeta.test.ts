import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/commands/envelope.js';
import { metaAfter } from '../../src/workers/undo/metaAfter.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR, contentOfText } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';
import { fileImage } from '../support/story.js';

const A = 'Assets/A.cs';
const HUMAN = 'guid: ffffffffffffffffffffffffffffffff\nicon: mine\n';
const EVERYTHING = '2029-01-01T00:00:00Z';
let seq = 0;
const write = (path: string, code: string, wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, payload: scriptPayload(path, code, true), ...wish });
const remove = (path: string) => aCommand({ seq: ++seq, type: 'unity.delete_script', payload: { path } });
const rollback = (to: string) => aCommand({ seq: ++seq, type: 'session.rollback', payload: { to } });
const undo = () => aCommand({ seq: ++seq, type: 'session.undo', payload: {} });
const redo = () => aCommand({ seq: ++seq, type: 'session.redo', payload: {} });

const metaOf = (rig: ExecuteRig, path = A) =>
  Buffer.from(rig.gate.files.get(`default\0${path}`)?.meta ?? []).toString();
const bytesOf = (rig: ExecuteRig, path = A) => rig.gate.text('default', path);
/** Every file as it lies there, its `.meta` too. */
const treeOf = (rig: ExecuteRig) =>
  [...rig.gate.files.keys()]
    .toSorted()
    .map((key) => key.split('\0')[1] ?? '')
    .map((path) => [path, bytesOf(rig, path), metaOf(rig, path)]);

function aRig(): ExecuteRig {
  const rig = new ExecuteRig();
  rig.gate.givesMeta = true;
  rig.now = '2030-01-01T10:00:00.000Z';
  return rig;
}

/** A script of another session, removed and made anew by this one; `meta`: the one it had first. */
async function madeAnew(text: string) {
  const rig = aRig();
  await rig.run(write(A, 'first', { sessionId: 'other' }));
  const meta = metaOf(rig);
  await rig.run(remove(A));
  await rig.run(write(A, text));
  expect(metaOf(rig)).not.toBe(meta);
  return { rig, meta };
}

/** Runs a command whose worker is killed at the n-th fault point; then the next owner takes it up from the log. */
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
  if (!(outcome instanceof KilledError)) return { killed: false, verdict: outcome };
  return { killed: true, verdict: await rig.toEnd(rig.task(command, rig.started[before])) };
}

describe('a rollback over a file that was removed and made anew', () => {
  it.each([
    ['other bytes', 'second'],
    ['the very bytes it had', 'first'],
  ])('given %s, then its bytes and its .meta are what they were', async (_what, text) => {
    const { rig, meta } = await madeAnew(text);
    const verdict = await rig.run(rollback(EVERYTHING));
    expect(verdict).toMatchObject({ kind: 'completed', result: { operations: 2 } });
    expect(JSON.stringify(verdict)).not.toContain('warning');
    expect([bytesOf(rig), metaOf(rig)]).toEqual(['first', meta]);
  });

  it.each(['first', 'second'])(
    'given "%s" and two redos, then both .meta come back in turn',
    async (text) => {
      const { rig, meta } = await madeAnew(text);
      const anew = metaOf(rig);
      await rig.run(rollback(EVERYTHING));
      expect(metaOf(rig)).toBe(meta);
      expect(await rig.run(redo())).toMatchObject({ kind: 'completed' });
      expect(bytesOf(rig)).toBeNull();
      expect(await rig.run(redo())).toMatchObject({ kind: 'completed' });
      expect([bytesOf(rig), metaOf(rig)]).toEqual([text, anew]);
    },
  );

  it.each(
    ['first', 'second'].flatMap((text) => Array.from({ length: 9 }, (_, point) => [text, point] as const)),
  )('given "%s" and a kill at fault point %i, then the next owner ends it there', async (text, point) => {
    const { rig, meta } = await madeAnew(text);
    const changes = rig.gate.effects.length;
    const { verdict } = await runKilledAt(rig, rollback(EVERYTHING), point);
    expect(verdict).toMatchObject({ kind: 'completed' });
    expect([bytesOf(rig), metaOf(rig)]).toEqual(['first', meta]);
    expect(rig.gate.effects.length - changes).toBe(text === 'first' ? 1 : 2);
  });

  it.each(['losesReply', 'losesCall', 'ghost', 'falseSuccess', 'notExecuted', 'away'] as const)(
    'given a call that %s at either step, then it ends there all the same',
    async (fault) => {
      for (const healthy of [0, 1]) {
        const { rig, meta } = await madeAnew('second');
        const works = Array.from({ length: healthy }, () => BEHAVIOUR.works);
        rig.gate.script.push(...works, BEHAVIOUR[fault]);
        expect(await rig.run(rollback(EVERYTHING))).toMatchObject({ kind: 'completed' });
        expect([bytesOf(rig), metaOf(rig)]).toEqual(['first', meta]);
      }
    },
  );

  it('given a .meta that somebody has changed since, then it is a conflict as its undo is, and nothing is changed', async () => {
    for (const step of [rollback(EVERYTHING), undo()]) {
      const { rig } = await madeAnew('second');
      rig.gate.put('default', A, contentOfText('second', HUMAN));
      expect(await rig.run(step)).toMatchObject({
        outcome: 'conflict',
        error: { path: A, message: expect.stringContaining('.meta') },
      });
      expect([bytesOf(rig), metaOf(rig)]).toEqual(['second', HUMAN]);
    }
  });

  it('given a .meta that somebody changes while it is under way, then that stays and the result says so', async () => {
    const { rig } = await madeAnew('second');
    let calls = 0;
    rig.gate.onCall = () => {
      calls++;
      if (calls === 2) rig.gate.put('default', A, contentOfText('first', HUMAN));
    };
    expect(await rig.run(rollback(EVERYTHING))).toMatchObject({
      kind: 'completed',
      result: { files: [{ path: A, warning: expect.stringContaining('.meta is not what it was') }] },
    });
    expect([bytesOf(rig), metaOf(rig)]).toEqual(['first', HUMAN]);
  });

  it('given a project folder out of reach, then the bytes are restored and the result says what is missing', async () => {
    const { rig } = await madeAnew('second');
    rig.gate.onProbe = (editor, path) => {
      const content = rig.gate.files.get(`${editor}\0${path}`);
      if (!content) return { state: 'absent' };
      const { bytes } = content;
      const image = fileImage(Buffer.from(bytes).toString());
      return { state: 'present', content: { bytes, meta: null }, sha256: image.sha256, guid: null };
    };
    expect(await rig.run(rollback(EVERYTHING))).toMatchObject({
      kind: 'completed',
      result: { files: [{ path: A, warning: expect.stringContaining('project folder is out of reach') }] },
    });
    expect(bytesOf(rig)).toBe('first');
  });

  it.each(['first', 'second'])(
    'given "%s" and a later file that cannot be undone, then bytes and .meta are taken back',
    async (text) => {
      const rig = aRig();
      await rig.run(write(A, 'first', { sessionId: 'other' }));
      await rig.run(write('Assets/B.cs', 'b'));
      await rig.run(remove(A));
      await rig.run(write(A, text));
      const tree = treeOf(rig);
      let calls = 0;
      const lastOfA = text === 'first' ? 1 : 2;
      rig.gate.onCall = () => {
        if (++calls === lastOfA + 1) rig.gate.script.push(BEHAVIOUR.refuses);
      };
      expect(await rig.run(rollback(EVERYTHING))).toMatchObject({
        outcome: 'failed',
        error: { takenBack: 1 },
      });
      expect(treeOf(rig)).toEqual(tree);
    },
  );

  it('given a unit that could not go on and a .meta changed by hand meanwhile, then what is taken back leaves it', async () => {
    const rig = aRig();
    await rig.run(write(A, 'first', { sessionId: 'other' }));
    await rig.run(write('Assets/B.cs', 'b'));
    await rig.run(remove(A));
    await rig.run(write(A, 'second'));
    let calls = 0;
    rig.gate.onCall = () => {
      if (++calls !== 3) return;
      rig.gate.put('default', A, contentOfText('first', HUMAN));
      rig.gate.script.push(BEHAVIOUR.refuses);
    };
    expect(await rig.run(rollback(EVERYTHING))).toMatchObject({ outcome: 'failed' });
    expect([bytesOf(rig), metaOf(rig)]).toEqual(['second', HUMAN]);
  });
});

describe('operations moved together', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('write'), text: fc.constantFrom('x', 'y', 'z') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), text: fc.constant('') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('human'), text: fc.constantFrom('1', '2') }) },
  );

  /** A session's work on one file that another session had made; a human changes the `.meta` now and then. */
  async function played(steps: readonly { kind: string; text: string }[]): Promise<ExecuteRig> {
    const rig = aRig();
    await rig.run(write(A, 'x', { sessionId: 'other' }));
    for (const { kind, text } of steps) {
      const there = bytesOf(rig);
      if (kind === 'write') await rig.run(write(A, text));
      else if (kind === 'remove') await rig.run(remove(A));
      else if (there !== null) rig.gate.put('default', A, contentOfText(there, `${HUMAN}${text}\n`));
    }
    return rig;
  }

  it('given any story, lead where undoing them one by one leads, .meta and all, killed anywhere or not', async () => {
    let together = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 7 }),
        fc.nat({ max: 16 }),
        async (steps, point) => {
          const [single, group] = [await played(steps), await played(steps)];
          expect(treeOf(group)).toEqual(treeOf(single));
          const before = treeOf(group);
          let isUndone = true;
          while (
            isUndone &&
            single.undoLog.findUndo('session-1').some(({ effective }) => effective === 'applied')
          )
            isUndone = (await single.run(undo())).kind === 'completed';
          const { verdict } = await runKilledAt(group, rollback(EVERYTHING), point);
          if (isUndone) {
            together++;
            expect(verdict).toMatchObject({ kind: 'completed' });
            expect(treeOf(group)).toEqual(treeOf(single));
          } else if ((verdict as { kind: string }).kind === 'failed') expect(treeOf(group)).toEqual(before);
        },
      ),
      { numRuns: 300 },
    );
    expect(together).toBeGreaterThan(100);
  });

  it('given a .meta that a human changed between two edits, then it stays', () => {
    const image = (meta: string) => ({ ...fileImage('x'), meta: fileImage(meta).meta });
    const sha = (meta: string) => image(meta).meta?.sha256 ?? null;
    const moves = [
      { from: image('human'), to: image('human') },
      { from: image('unity'), to: image('unity') },
    ];
    expect(metaAfter(moves, sha('human'))).toBe(sha('human'));
    expect(metaAfter([{ from: image('new'), to: image('old') }], sha('new'))).toBe(sha('old'));
    expect(metaAfter([{ from: image('new'), to: image('old') }], sha('human'))).toBe(sha('human'));
    expect(
      metaAfter(
        [
          { from: image('new'), to: null },
          { from: null, to: image('old') },
        ],
        sha('new'),
      ),
    ).toBe(sha('old'));
    expect(metaAfter([{ from: image('new'), to: { ...image('old'), meta: null } }], sha('new'))).toBe(
      sha('new'),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR, contentOfText } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';

const PATH = 'Assets/Player.cs';
let seq = 0;
const write = (code: string, wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, payload: scriptPayload(PATH, code, true), ...wish });
const remove = (wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, type: 'unity.delete_script', payload: { path: PATH }, ...wish });
const undo = (wish: CommandWish = {}) => aCommand({ seq: ++seq, type: 'session.undo', payload: {}, ...wish });
const redo = (wish: CommandWish = {}) => aCommand({ seq: ++seq, type: 'session.redo', payload: {}, ...wish });
const text = (rig: ExecuteRig, editor = 'default') => rig.gate.text(editor, PATH);

describe('undo and redo', () => {
  it('take a file back and forth, byte for byte, as often as wanted', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('\ufeffone\r\n'));
    await rig.run(write('two'));
    await rig.run(remove());
    const states = [];
    for (const step of [undo, undo, undo, redo, redo, redo, undo]) {
      expect(await rig.run(step())).toMatchObject({ kind: 'completed' });
      states.push(text(rig));
    }
    expect(states).toEqual(['two', '\ufeffone\r\n', null, '\ufeffone\r\n', 'two', null, 'two']);
  });

  it('restore the .meta of a deleted file', async () => {
    const rig = new ExecuteRig();
    const meta = 'guid: 0123456789abcdef0123456789abcdef\n';
    rig.gate.put('default', PATH, contentOfText('old', meta));
    await rig.run(remove());
    expect(await rig.run(undo())).toMatchObject({
      result: { guid: '0123456789abcdef0123456789abcdef' },
      change: { direction: 'undo' },
    });
    expect(Buffer.from(rig.gate.files.get(`default\0${PATH}`)?.meta ?? []).toString()).toBe(meta);
  });

  it('say when Unity rewrote the .meta', async () => {
    const rig = new ExecuteRig();
    rig.gate.put('default', PATH, contentOfText('old', 'guid: a\n'));
    await rig.run(remove());
    rig.gate.onCall = () => {
      rig.gate.onProbe = () => ({
        state: 'present',
        content: contentOfText('old', 'guid: b\n'),
        sha256: sha256('old'),
        guid: null,
      });
    };
    expect(await rig.run(undo())).toMatchObject({ result: { warning: expect.stringContaining('.meta') } });
  });

  it('given a change from outside, report a conflict and touch nothing; once it is gone, work', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('one'));
    rig.gate.put('default', PATH, contentOfText('by hand'));
    const calls = rig.gate.calls.length;
    expect(await rig.run(undo())).toMatchObject({
      outcome: 'conflict',
      error: { laterChange: { by: 'outside SPARK' } },
      operationId: expect.any(String),
    });
    expect([text(rig), rig.gate.calls.length]).toEqual(['by hand', calls]);
    rig.gate.put('default', PATH, contentOfText('one'));
    expect(await rig.run(undo())).toMatchObject({ kind: 'completed' });
    expect(text(rig)).toBeNull();
  });

  it('given a change that comes in between, report a conflict about that operation', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('one'));
    rig.gate.script.push(BEHAVIOUR.stale);
    rig.gate.onCall = () => rig.gate.put('default', PATH, contentOfText('by hand'));
    expect(await rig.run(undo())).toMatchObject({ outcome: 'conflict', operationId: expect.any(String) });
    expect(text(rig)).toBe('by hand');
  });

  it('work on the editor of the operation, whatever editor they were sent to', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('left', { editor: 'left' }));
    await rig.run(write('right', { editor: 'right' }));
    expect(await rig.run(undo({ editor: 'left' }))).toMatchObject({ result: { editor: 'right' } });
    expect([text(rig, 'left'), text(rig, 'right')]).toEqual(['left', null]);
  });

  it('given that editor away, let only their own session wait', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('right', { editor: 'right' }));
    rig.gate.away.add('right');
    expect(await rig.go(rig.task(undo({ editor: 'left' })))).toMatchObject({ kind: 'retry', afterMs: 500 });
    expect(await rig.go(rig.task(undo({ editor: 'right' })))).toMatchObject({ kind: 'hold' });
  });

  it('given another newest operation by the time they hold the editor, begin again', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('left', { editor: 'left' }));
    const later = write('right', { editor: 'right' });
    let waited = false;
    const context = {
      ...rig.context,
      exclusive: async <T>(_editor: string, work: () => Promise<T>): Promise<T> => {
        if (!waited) {
          waited = true;
          await rig.run(later);
        }
        return work();
      },
    };
    Object.assign(rig, { context });
    const task = rig.task(undo({ editor: 'left' }));
    expect(await rig.go(task)).toMatchObject({ kind: 'retry', afterMs: 0 });
    expect(await rig.toEnd(task)).toMatchObject({ result: { editor: 'right' } });
  });

  it('given that editor at work for another lane, let only their own session wait', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('right', { editor: 'right' }));
    Object.assign(rig, { context: { ...rig.context, busy: (editor: string) => editor === 'right' } });
    expect(await rig.go(rig.task(undo({ editor: 'left' })))).toMatchObject({ kind: 'retry', afterMs: 50 });
    expect(await rig.go(rig.task(undo({ editor: 'right' })))).toMatchObject({ kind: 'completed' });
  });

  it('given nothing to take back, or an operation nobody knows, fail and say so', async () => {
    const rig = new ExecuteRig();
    expect(await rig.run(undo())).toMatchObject({ outcome: 'failed', error: { code: 'nothing_to_undo' } });
    expect(await rig.run(redo())).toMatchObject({ outcome: 'failed', error: { code: 'nothing_to_redo' } });
    const operationId = '0f0e0d0c-0b0a-8908-8706-050403020100';
    expect(await rig.run(undo({ payload: { operationId } }))).toMatchObject({
      error: { code: 'unknown_operation' },
    });
  });

  it('given the image gone from the store, fail and touch nothing', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('one'));
    await rig.run(write('two'));
    rig.images.bytes.delete(sha256('one'));
    expect(await rig.run(undo())).toMatchObject({ outcome: 'failed', error: { code: 'image_missing' } });
    expect(text(rig)).toBe('two');
  });

  it('given a path that leads elsewhere now, fail', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('one'));
    rig.gate.onProbe = () => ({ state: 'refused', code: 'outside', message: 'a link' });
    expect(await rig.run(undo())).toMatchObject({ outcome: 'failed', error: { code: 'outside' } });
  });

  it('interrupted, are finished by the next owner with the tool of the operation', async () => {
    const rig = new ExecuteRig();
    await rig.run(write('one'));
    rig.gate.script.push(BEHAVIOUR.losesReply);
    const command = undo();
    const context = {
      ...rig.context,
      faultPoint: (name: string) => {
        if (name === 'after_call') throw new KilledError('killed');
      },
    };
    const living = rig.context;
    Object.assign(rig, { context });
    await expect(rig.go(rig.task(command))).rejects.toThrow('killed');
    Object.assign(rig, { context: living });
    expect(await rig.toEnd(rig.task(command, rig.started.at(-1)))).toMatchObject({
      change: { direction: 'undo', operation: { tool: 'unity.generate_script', before: null } },
    });
    expect(text(rig)).toBeNull();
  });
});

describe('commands that end without touching anything', () => {
  it('given the file as wanted already, complete without an intent', async () => {
    const rig = new ExecuteRig();
    rig.gate.put('default', PATH, contentOfText('same'));
    expect(await rig.run(write('same'))).toMatchObject({
      kind: 'completed',
      result: { unchanged: true, sha256: sha256('same') },
    });
    expect([rig.started.length, rig.gate.calls.length]).toEqual([0, 0]);
  });

  it('given a type that this build does not know, fail', async () => {
    const rig = new ExecuteRig();
    expect(await rig.run(aCommand({ type: 'unity.dance' }))).toMatchObject({
      error: { code: 'unknown_command' },
    });
  });

  it('given a deadline that has passed, expire; given one to come, run', async () => {
    const rig = new ExecuteRig();
    const at = (ms: number) => new Date(rig.clock.nowMs() + ms).toISOString();
    expect(await rig.run(write('x', { deadline: at(0) }))).toMatchObject({ outcome: 'expired' });
    expect(await rig.run(write('x', { deadline: at(1_000) }))).toMatchObject({ kind: 'completed' });
  });
});

describe('folders on the way to a file', () => {
  const DEEP = 'Assets/New/Deep/Player.cs';
  const create = (path = DEEP) => aCommand({ seq: ++seq, payload: scriptPayload(path, 'x') });
  const rigWithFolders = () => {
    const rig = new ExecuteRig();
    rig.gate.folders = new Map();
    return rig;
  };
  const folders = (rig: ExecuteRig) =>
    [...(rig.gate.folders ?? [])].map(([key, meta]) => [
      key.split('\0')[1],
      meta && Buffer.from(meta).toString(),
    ]);

  it('made by an operation go with its undo and come back with its redo, `.meta` and all', async () => {
    const rig = rigWithFolders();
    expect(await rig.run(create())).toMatchObject({
      change: { operation: { createdFolders: [{ path: 'Assets/New' }, { path: 'Assets/New/Deep' }] } },
    });
    expect(rig.started[0]?.intent?.missingFolders).toEqual(['Assets/New', 'Assets/New/Deep']);
    const made = folders(rig);
    await rig.run(undo());
    expect(folders(rig)).toEqual([]);
    await rig.run(redo());
    expect(folders(rig)).toEqual(made);
    await rig.run(undo());
    expect(folders(rig)).toEqual([]);
  });

  it('stay where somebody has put something into them', async () => {
    const rig = rigWithFolders();
    await rig.run(create());
    rig.gate.put('default', 'Assets/New/Other.cs', contentOfText('by hand'));
    expect(await rig.run(undo())).toMatchObject({ kind: 'completed' });
    expect(folders(rig).map(([path]) => path)).toEqual(['Assets/New']);
  });

  it('that were there before are nobody’s to remove', async () => {
    const rig = rigWithFolders();
    await rig.run(create());
    const second = await rig.run(create('Assets/New/Deep/Second.cs'));
    expect(second.kind === 'completed' && second.change?.operation.createdFolders).toBeUndefined();
    await rig.run(undo());
    expect(folders(rig)).toHaveLength(2);
  });

  it('with the editor away, wait for it; the file is not touched twice', async () => {
    const rig = rigWithFolders();
    await rig.run(create());
    rig.gate.script.push(BEHAVIOUR.works, BEHAVIOUR.away);
    const task = rig.task(undo());
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    const effects = rig.gate.effects.length;
    expect(await rig.toEnd(task)).toMatchObject({ kind: 'completed' });
    expect([folders(rig), rig.gate.effects.length]).toEqual([[], effects]);
  });
});

describe('what goes wrong outside the editor', () => {
  it('is the command’s own trouble: tried again, then its end, and the lane goes on', async () => {
    const rig = new ExecuteRig();
    rig.gate.onProbe = () => {
      throw new Error('a bug of ours');
    };
    const task = rig.task(write('x'));
    expect(await rig.go(task)).toMatchObject({ kind: 'retry' });
    expect(await rig.toEnd(task)).toMatchObject({
      outcome: 'failed',
      exhausted: true,
      error: { message: expect.stringContaining('a bug of ours') },
    });
  });

  it('after a call that may have run: outcome unknown', async () => {
    const rig = new ExecuteRig();
    rig.gate.script.push(BEHAVIOUR.losesReply);
    rig.gate.onCall = () => {
      rig.gate.onProbe = () => {
        throw new Error('a bug of ours');
      };
    };
    expect(await rig.toEnd(rig.task(write('x')))).toMatchObject({
      outcome: 'outcome_unknown',
      exhausted: true,
    });
  });

  it.each([
    ['a lost ownership', new KilledError('fenced')],
    ['a verdict of the stream server', Object.assign(new Error('disk full'), { code: 10_047 })],
  ])('given %s, ends the go without an end of the command', async (_what, error) => {
    const rig = new ExecuteRig();
    rig.images.put = () => Promise.reject(error);
    await expect(rig.go(rig.task(write('x')))).rejects.toBe(error);
  });
});

describe('render_preview', () => {
  const preview = () =>
    aCommand({ seq: ++seq, type: 'unity.render_preview', payload: { width: 64, height: 32 } });
  const image = { bytes: Buffer.from('png'), mime: 'image/png', widthPx: 32, heightPx: 16 };
  const rigWith = (...script: (typeof BEHAVIOUR)[keyof typeof BEHAVIOUR][]) => {
    const rig = new ExecuteRig();
    rig.gate.image = image;
    rig.gate.script.push(...script);
    return rig;
  };

  it('stores the picture before it tells of it, and says its true size', async () => {
    const rig = rigWith();
    expect(await rig.run(preview())).toMatchObject({
      result: { sha256: sha256('png'), widthPx: 32, heightPx: 16, frameRef: `/v1/frames/${sha256('png')}` },
      preview: { requestedWidthPx: 64, requestedHeightPx: 32, mode: 'fast', scenePath: null },
    });
    expect(rig.images.bytes.has(sha256('png'))).toBe(true);
    expect(rig.frames).toMatchObject([{ frameSha256: sha256('png'), mime: 'image/png' }]);
  });

  it.each([
    ['lost', BEHAVIOUR.losesReply],
    ['not executed', BEHAVIOUR.notExecuted],
  ])('%s twice, is simply asked again, after backoff', async (_what, behaviour) => {
    const rig = rigWith(behaviour, behaviour);
    const task = rig.task(preview());
    expect(await rig.go(task)).toMatchObject({ kind: 'retry', afterMs: 5 });
    expect((await rig.toEnd(task)).kind).toBe('completed');
    expect([task.attempts, rig.retries.length, rig.started.length]).toEqual([3, 2, 1]);
  });

  it('answered without a picture to the last, gives up', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(preview());
    expect(await rig.toEnd(task)).toMatchObject({ exhausted: true, error: { code: 'attempts_exhausted' } });
    expect([task.attempts, rig.gate.calls.length]).toEqual([3, 3]);
  });

  it('while the editor is away, holds and spends no attempt', async () => {
    const rig = rigWith(BEHAVIOUR.away);
    const task = rig.task(preview());
    expect(await rig.go(task)).toMatchObject({ kind: 'hold', retryAfterMs: 10 });
    expect(task.attempts).toBe(0);
    expect((await rig.toEnd(task)).kind).toBe('completed');
  });

  it.each([
    [BEHAVIOUR.refuses, 'no_such_tool'],
    [BEHAVIOUR.stale, 'unexpected_answer'],
    [BEHAVIOUR.exists, 'unexpected_answer'],
  ])('refused (%#), fails at once', async (behaviour, code) => {
    expect(await rigWith(behaviour).run(preview())).toMatchObject({ outcome: 'failed', error: { code } });
  });
});

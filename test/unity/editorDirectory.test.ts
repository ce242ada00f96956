import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.js';
import { EditorDirectory, type EditorResolver } from '../../src/unity/editorDirectory.js';
import type { Instances } from '../../src/unity/instances.js';
import { parseUnityEditors } from '../../src/unity/parseUnityEditors.js';

const never = new AbortController().signal;
const SERVER = 'http://127.0.0.1:8080/mcp';

function directory(given: { editors?: string; resolve?: EditorResolver; ids?: string[] | Instances }) {
  const state = { ids: given.ids ?? [], nowMs: 0, asked: 0 };
  const clock: Clock = {
    nowMs: () => state.nowMs,
    monotonicMs: () => state.nowMs,
    sleep: () => Promise.resolve(),
  };
  const made = new EditorDirectory({
    serverUrl: SERVER,
    editors: parseUnityEditors(given.editors ?? ''),
    resolve: given.resolve ?? null,
    listInstances: () => {
      state.asked += 1;
      return Promise.resolve(
        Array.isArray(state.ids) ? { kind: 'known', ids: state.ids, sessions: new Map() } : state.ids,
      );
    },
    clock,
  });
  return { made, state, place: (editor: string) => made.place(editor, never) };
}

const at = (instance: string, projectFolder: string | null = null) => ({
  kind: 'found',
  place: { instance, projectFolder, serverUrl: SERVER },
});

describe('EditorDirectory', () => {
  it('given a configured editor, then that one without asking anybody', async () => {
    const { place, state } = directory({ editors: 'main=Game@abc:/projects/game' });
    expect(await place('main')).toEqual(at('Game@abc', '/projects/game'));
    expect(state.asked).toBe(0);
  });

  it('given a resolver that knows it, then its answer; one that fails makes it away', async () => {
    const known = { instance: 'X@1', projectFolder: '/x', serverUrl: 'http://127.0.0.1:1/mcp' };
    expect(await directory({ resolve: async () => known }).place('x')).toEqual({
      kind: 'found',
      place: known,
    });
    const broken = directory({ resolve: () => Promise.reject(new Error('down')) });
    expect(await broken.place('x')).toMatchObject({ kind: 'away', reason: expect.stringContaining('down') });
  });

  it('given exactly one connected project of that name, then that one; two or none, then away with the reason', async () => {
    expect(await directory({ ids: ['Game@1', 'Other@2'] }).place('Game')).toEqual(at('Game@1'));
    expect(await directory({ ids: ['Game@1', 'Game@2'] }).place('Game')).toMatchObject({ kind: 'away' });
    expect(await directory({ ids: ['Other@2'] }).place('Game')).toMatchObject({
      kind: 'away',
      reason: 'no connected Unity project is named "Game" (connected: Other@2)',
    });
  });

  it('given "default", then the only instance there is, unless something is configured or there are two', async () => {
    expect(await directory({ ids: ['Game@1'] }).place('default')).toEqual(at('Game@1'));
    expect(await directory({ ids: ['Game@1'], editors: 'main=X@2' }).place('default')).toMatchObject({
      kind: 'away',
    });
    expect(await directory({ ids: ['Game@1', 'B@2'] }).place('default')).toMatchObject({ kind: 'away' });
    expect(await directory({ ids: ['Game@1'] }).place('other')).toMatchObject({ kind: 'away' });
  });

  it('given that the project reloads while another is connected, then the other one is never taken for it', async () => {
    const { place, state, made } = directory({ ids: ['Game@1'] });
    await place('default');
    state.ids = ['Other@2'];
    made.forget('default');
    expect(await place('default')).toMatchObject({ kind: 'away', reason: expect.stringContaining('Game@1') });
    state.ids = ['Other@2', 'Game@1'];
    expect(await place('default')).toEqual(at('Game@1'));
  });

  it('given a place found by asking, then it is believed for a while, or until it is forgotten', async () => {
    const { place, state, made } = directory({ ids: ['Game@1'] });
    await place('Game');
    await place('Game');
    expect(state.asked).toBe(1);
    state.nowMs += 5_001;
    await place('Game');
    expect(state.asked).toBe(2);
    made.forget('Game');
    await place('Game');
    expect(state.asked).toBe(3);
  });

  it('given a server without a list, then away with what to do', async () => {
    expect(await directory({ ids: { kind: 'absent' } }).place('Game')).toMatchObject({ kind: 'away' });
  });
});

describe('parseUnityEditors', () => {
  it('given entries between semicolons or lines, with and without folders, then all of them', () => {
    expect(parseUnityEditors('a=My Game@ab12:/p/my game; b=B@1 ;\n c=C@x@9:C:\\Unity@2\\C')).toEqual([
      { editor: 'a', instance: 'My Game@ab12', projectFolder: '/p/my game' },
      { editor: 'b', instance: 'B@1', projectFolder: null },
      { editor: 'c', instance: 'C@x@9', projectFolder: 'C:\\Unity@2\\C' },
    ]);
    expect(parseUnityEditors(' ')).toEqual([]);
  });

  it.each(['nonsense', '=A@b', 'bad name=A@b', 'a=NoHash', 'a=A@', 'a=A@1;a=B@2'])(
    'given %j, then it says so',
    (text) => {
      expect(() => parseUnityEditors(text)).toThrowError(
        expect.objectContaining({ code: 'invalid_unity_editors' }),
      );
    },
  );
});

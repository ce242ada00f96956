import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EditorEntry, registeredEntry } from '../../src/commands/editorEntry.js';
import { systemClock } from '../../src/core/clock.js';
import { EditorDirectory } from '../../src/unity/editorDirectory.js';
import { EditorRevisions, stampOf } from '../../src/unity/editorRevisions.js';
import type { Instances } from '../../src/unity/instances.js';
import { ProjectFolder } from '../../src/unity/projectFolder.js';
import { surveyOf } from '../../src/unity/survey.js';

const SERVER = 'http://127.0.0.1:8080/mcp';
const FURTHER = 'http://127.0.0.1:9090/mcp';
const never = new AbortController().signal;
const listed = (...ids: string[]): Instances => ({
  kind: 'known',
  ids,
  sessions: new Map(ids.map((id) => [id, `session of ${id}`])),
});
const entry = (editor: string, change: { instance?: string; projectFolder?: string; mcpUrl?: string } = {}) =>
  registeredEntry(undefined, { editor, ...change }, '2026-05-01T10:00:00.000Z');

function directory(entries: Map<string, EditorEntry>, given: { configured?: boolean; ids?: string[] } = {}) {
  const asked: string[] = [];
  const made = new EditorDirectory({
    serverUrl: SERVER,
    furtherUrls: [FURTHER],
    editors: given.configured ? [{ editor: 'main', instance: 'Conf@1', projectFolder: null }] : [],
    registry: entries,
    resolve: null,
    listInstances: async (_signal, url) => {
      asked.push(url);
      return listed(...(given.ids ?? []));
    },
    clock: systemClock,
  });
  return { place: (editor: string) => made.place(editor, never), asked };
}

describe('EditorDirectory with the registry', () => {
  it('given a registered instance, then exactly that, whatever is connected under its name; changed, then the new one at once', async () => {
    const entries = new Map([['left', entry('left', { instance: 'Game@1', projectFolder: '/g' })]]);
    const { place, asked } = directory(entries, { ids: ['left@9'] });
    expect(await place('left')).toEqual({
      kind: 'found',
      place: { instance: 'Game@1', projectFolder: '/g', serverUrl: SERVER },
    });
    entries.set('left', entry('left', { instance: 'Game@2', mcpUrl: FURTHER }));
    expect(await place('left')).toMatchObject({
      place: { instance: 'Game@2', projectFolder: null, serverUrl: FURTHER },
    });
    expect(asked).toEqual([]);
    entries.delete('left');
    expect(await place('left')).toMatchObject({ place: { instance: 'left@9' } });
  });

  it('given no instance, then the one connected project of that name, on its own server', async () => {
    const { place, asked } = directory(new Map([['left', entry('left', { mcpUrl: FURTHER })]]), {
      ids: ['left@9'],
    });
    expect(await place('left')).toMatchObject({ place: { instance: 'left@9', serverUrl: FURTHER } });
    expect(asked).toEqual([FURTHER]);
  });

  it('given a server that is not in the configuration (any more), then the editor is away and nobody is asked', async () => {
    const { place, asked } = directory(
      new Map([['left', entry('left', { instance: 'Game@1', mcpUrl: 'http://metadata.example/mcp' })]]),
    );
    expect(await place('left')).toMatchObject({
      kind: 'away',
      reason: expect.stringContaining('UNITY_MCP_URLS'),
    });
    expect(asked).toEqual([]);
  });

  it('given UNITY_EDITORS and an entry of the same name, then the configuration counts; an entry that only pauses says nothing', async () => {
    const paused = { ...entry('x', { instance: 'Other@2' }), registered: false };
    const entries = new Map([
      ['main', entry('main', { instance: 'Other@2' })],
      ['x', paused],
    ]);
    const { place } = directory(entries, { configured: true, ids: ['x@7'] });
    expect(await place('main')).toMatchObject({ place: { instance: 'Conf@1' } });
    expect(await place('x')).toMatchObject({ place: { instance: 'x@7' } });
  });
});

describe('surveyOf', () => {
  it('names who is configured, registered or connected, and tells who is there', () => {
    const rows = surveyOf({
      serverUrl: SERVER,
      configured: [{ editor: 'main', instance: 'Conf@1', projectFolder: null }],
      entries: [
        entry('left', { instance: 'Game@1' }),
        entry('right', { instance: 'Game@2', mcpUrl: FURTHER }),
        entry('evil', { instance: 'Game@3', mcpUrl: 'http://elsewhere/mcp' }),
        { ...entry('held'), registered: false },
      ],
      listed: new Map([
        [SERVER, listed('Game@1', 'sim@4', 'twin@5', 'twin@6', 'no token@7')],
        [FURTHER, { kind: 'away', reason: 'the MCP server does not answer (refused)' } as const],
      ]),
    });
    expect(rows.map(({ editor, source, connected }) => [editor, source, connected])).toEqual([
      ['main', 'configuration', false],
      ['left', 'registry', true],
      ['right', 'registry', false],
      ['evil', 'registry', false],
      ['Game', 'connection', true],
      ['sim', 'connection', true],
      ['twin', 'connection', false],
    ]);
    expect(rows.find(({ editor }) => editor === 'twin')?.reason).toContain('2 connected projects');
    expect(rows.find(({ editor }) => editor === 'evil')?.reason).toContain('UNITY_MCP_URLS');
  });

  it('given the only connected project and nothing configured, then it is "default" too', () => {
    const only = {
      serverUrl: SERVER,
      configured: [],
      entries: [],
      listed: new Map([[SERVER, listed('Game@1')]]),
    };
    expect(surveyOf(only).map(({ editor, instance }) => [editor, instance])).toEqual([
      ['Game', 'Game@1'],
      ['default', 'Game@1'],
    ]);
  });
});

describe('EditorRevisions', () => {
  const place = { instance: 'Game@1', serverUrl: SERVER };

  it('moves with each change of that instance, and of no other', () => {
    const revisions = new EditorRevisions();
    const other = revisions.of({ ...place, instance: 'Game@2' }, undefined);
    const before = revisions.of(place, undefined);
    revisions.changed(place, 'content');
    expect(revisions.of(place, undefined)).not.toBe(before);
    expect(revisions.of({ ...place, instance: 'Game@2' }, undefined)).toBe(other);
    expect(revisions.of({ ...place, serverUrl: FURTHER }, undefined)).not.toBe(before);
  });

  it('given another scene loaded, then pictures of the active scene are old, those of a named one are not', () => {
    const revisions = new EditorRevisions();
    const [active, named] = [revisions.of(place, undefined), revisions.of(place, 'Assets/A.unity')];
    revisions.changed(place, 'scene');
    expect(revisions.of(place, undefined)).not.toBe(active);
    expect(revisions.of(place, 'Assets/A.unity')).toBe(named);
  });

  it('given a new session of the editor, then it moves; the same again, or a first look, does not', () => {
    const revisions = new EditorRevisions();
    const before = revisions.of(place, undefined);
    revisions.listed(SERVER, listed('Game@1'));
    revisions.listed(SERVER, listed('Game@1'));
    revisions.listed(SERVER, listed());
    expect(revisions.of(place, undefined)).toBe(before);
    revisions.listed(SERVER, {
      kind: 'known',
      ids: ['Game@1'],
      sessions: new Map([['Game@1', 'after a reload']]),
    });
    expect(revisions.of(place, undefined)).not.toBe(before);
  });

  it('tells a scene file that was written anew; without a folder or a path it says nothing', () => {
    const root = mkdtempSync(join(tmpdir(), 'spark-stamp-'));
    try {
      mkdirSync(join(root, 'Assets'));
      const folder = new ProjectFolder(root);
      expect(stampOf(folder, 'Assets/A.unity')).toBe('absent');
      writeFileSync(join(root, 'Assets/A.unity'), 'a');
      const before = stampOf(folder, 'Assets/A.unity');
      utimesSync(join(root, 'Assets/A.unity'), 1, 2);
      expect(stampOf(folder, 'Assets/A.unity')).not.toBe(before);
      expect([stampOf(folder, undefined), stampOf(null, 'Assets/A.unity'), stampOf(folder, '../x')]).toEqual([
        '',
        '',
        '',
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

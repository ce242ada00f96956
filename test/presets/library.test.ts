import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkAssetPath } from '../../src/commands/assetPath.js';
import { LIMITS } from '../../src/commands/limits.js';
import { PRESET_IDS, presetApply } from '../../src/commands/presetApply.js';
import { loadPresets, type PresetLibrary } from '../../src/presets/library.js';
import type { PresetFile } from '../../src/workers/presetPort.js';

const FOLDER = new URL('../../presets/', import.meta.url);
let presets: PresetLibrary;
let scratch: string;
beforeAll(async () => {
  presets = await loadPresets();
  scratch = await mkdtemp(join(tmpdir(), 'spark-presets-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const guidIn = (file: PresetFile): string =>
  /^guid: ([0-9a-f]{32})$/m.exec(Buffer.from(file.meta ?? []).toString('utf8'))?.[1] ?? '';
const plain = (files: readonly PresetFile[]) =>
  files.map(({ path, bytes, meta }) => [
    path,
    Buffer.from(bytes).toString('base64'),
    Buffer.from(meta ?? []).toString(),
  ]);

describe.each([...PRESET_IDS])('the files of %s', (presetId) => {
  it('given any target folder, then every path is one SPARK takes, and none comes twice', async () => {
    for (const folder of [undefined, 'Assets/Games/Zwölf Äpfel', `Assets/${'x'.repeat(390)}`]) {
      const paths = (await presets.files(presetId, folder)).map(({ path }) => path);
      expect(paths.map((path) => checkAssetPath(path)).filter((verdict) => !verdict.ok)).toEqual([]);
      expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
      const home = folder ?? presets.describe(presetId)?.targetFolder;
      expect(paths.every((path) => path.startsWith(`${home}/`))).toBe(true);
    }
  });

  it('given another process, then the bytes are the same ones', async () => {
    const other = await loadPresets();
    expect(plain(await other.files(presetId, undefined))).toEqual(
      plain(await presets.files(presetId, undefined)),
    );
    expect(plain(await other.files(presetId, 'Assets/A'))).toEqual(
      plain(await presets.files(presetId, 'Assets/A')),
    );
  });

  it('given its size, then scripts stay below 200 KB, assets below 10 MB, and the whole is small', async () => {
    const files = await presets.files(presetId, undefined);
    for (const { path, bytes } of files)
      expect(bytes.byteLength, path).toBeLessThanOrEqual(
        path.endsWith('.cs') ? LIMITS.scriptBytes : LIMITS.assetBytes,
      );
    expect(presets.describe(presetId)?.totalBytes).toBeLessThan(1024 * 1024);
  });

  it('given its .meta files, then each file has one, and all GUIDs differ, elsewhere too', async () => {
    const files = [
      ...(await presets.files(presetId, undefined)),
      ...(await presets.files(presetId, 'Assets/B')),
    ];
    const guids = files.map(guidIn);
    expect(guids.every((guid) => guid.length === 32)).toBe(true);
    expect(new Set(guids).size).toBe(guids.length);
  });

  it('given its scene, then everything it refers to is there, whole documents only, and no placeholder is left', async () => {
    const files = await presets.files(presetId, 'Assets/C');
    const scene = files.find(({ path }) => path.endsWith('.unity'));
    const text = Buffer.from(scene?.bytes ?? []).toString('utf8');
    expect(text).not.toContain('{{');
    const owned = new Set(files.map(guidIn));
    const outside = [...text.matchAll(/guid: ([0-9a-f]{32})/g)].filter(([, guid]) => !owned.has(guid ?? ''));
    // Only Unity's own sprite material comes from elsewhere.
    expect(new Set(outside.map(([, guid]) => guid))).toEqual(new Set(['0000000000000000f000000000000000']));
    const ids = [...text.matchAll(/^--- !u!\d+ &(\d+)$/gm)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const local = [...text.matchAll(/\{fileID: (\d+)\}/g)].map(([, id]) => id).filter((id) => id !== '0');
    expect(local.filter((id) => !ids.includes(id))).toEqual([]);
    expect(local.length).toBeGreaterThan(20);
  });

  it('given a script of its scene, then each field the scene sets is a serialized field of that script', async () => {
    const files = await presets.files(presetId, undefined);
    const byGuid = new Map(files.map((file) => [guidIn(file), Buffer.from(file.bytes).toString('utf8')]));
    const scene = Buffer.from(files.find(({ path }) => path.endsWith('.unity'))?.bytes ?? []).toString(
      'utf8',
    );
    let fields = 0;
    for (const document of scene.split(/^--- /m).filter((part) => part.startsWith('!u!114 '))) {
      const source = byGuid.get(/m_Script: .*guid: ([0-9a-f]{32})/.exec(document)?.[1] ?? '') ?? '';
      for (const [, field] of document.matchAll(/^ {2}([a-z]\w*):/gm)) {
        if (field?.startsWith('m_')) continue;
        expect(source).toMatch(
          new RegExp(`\\[SerializeField[^\\]]*\\](?:\\s*\\[[^\\]]*\\])* private [\\w\\[\\]]+ ${field}\\b`),
        );
        fields += 1;
      }
    }
    expect(fields).toBeGreaterThan(5);
  });

  it('given another folder, then the scripts name that folder and a namespace of its own', async () => {
    const own = presets.describe(presetId);
    const scripts = (await presets.files(presetId, 'Assets/Games/Second'))
      .filter(({ path }) => path.endsWith('.cs'))
      .map(({ bytes }) => Buffer.from(bytes).toString('utf8'));
    for (const text of scripts) {
      expect(text).not.toContain(own?.targetFolder);
      expect(text).toContain(`namespace ${own?.namespace}.In_Games_Second`);
    }
    expect(scripts.some((text) => text.includes('"Assets/Games/Second/'))).toBe(true);
  });
});

describe('the folder of presets', () => {
  it('given its JSON files, then all of them parse', async () => {
    for (const presetId of PRESET_IDS)
      for (const { path, bytes } of await presets.files(presetId, undefined))
        if (path.endsWith('.json'))
          expect(JSON.parse(Buffer.from(bytes).toString('utf8'))).toHaveProperty('nodes');
  });

  it('given an unknown preset or a folder without room, then the error says so by its code', async () => {
    await expect(presets.files('chess', undefined)).rejects.toMatchObject({ code: 'unknown_preset' });
    await expect(presets.files('platformer-2d', `Assets/${'y'.repeat(505)}`)).rejects.toMatchObject({
      code: 'invalid_path',
    });
    const tooLong = presetApply.safeParse({
      presetId: 'platformer-2d',
      targetFolder: `Assets/${'y'.repeat(400)}`,
    });
    expect(tooLong.error?.issues[0]?.message).toContain('400 bytes');
  });

  it.each([
    ['no JSON', (text: string) => text.slice(1), undefined],
    [
      'a texture that is too large',
      (text: string) => text.replace('"widthPx": 512', '"widthPx": 2048'),
      'assets.0.widthPx',
    ],
    [
      'a path that leaves it',
      (text: string) => text.replace('"Scripts/Hud.cs"', '"../Hud.cs"'),
      /^files\.\d+$/,
    ],
    [
      'a scene that is no file',
      (text: string) => text.replace(/("scenes": \[\s*")Scenes/, '$1Levels'),
      'scenes.0',
    ],
    ['an unknown field', (text: string) => text.replace('"name"', '"nmae"'), 'name'],
    ['another id', (text: string) => text.replace('"id": "platformer-2d"', '"id": "visual-novel"'), 'id'],
  ])('given a preset.json with %s, then loading names the file and the field', async (_, change, field) => {
    const copy = await mkdtemp(join(scratch, 'broken-'));
    await cp(FOLDER, copy, { recursive: true });
    const file = join(copy, 'platformer-2d', 'preset.json');
    await writeFile(file, change(await readFile(file, 'utf8')));
    const error = await loadPresets(pathToFileURL(`${copy}/`)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'preset_broken', fields: { file: 'platformer-2d/preset.json' } });
    if (field !== undefined) expect((error as { fields: { field: string } }).fields.field).toMatch(field);
  });

  it.each(['Scripts/Hud.cs', 'Textures/Tiles.png', 'preset.json'])(
    'given that %s is missing or empty, then loading names it',
    async (name) => {
      const copy = await mkdtemp(join(scratch, 'missing-'));
      await cp(FOLDER, copy, { recursive: true });
      const file = `platformer-2d/${name}`;
      await writeFile(join(copy, file), '');
      await expect(loadPresets(pathToFileURL(`${copy}/`))).rejects.toMatchObject({
        code: 'preset_broken',
        fields: { file },
      });
      await rm(join(copy, file));
      await expect(loadPresets(pathToFileURL(`${copy}/`))).rejects.toMatchObject({
        code: 'preset_broken',
        fields: { file },
      });
    },
  );
});

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { sha256 } from '../../../src/core/ids.js';
import { type RunningSimulator, startSimulator } from '../../../src/embedded/simulator/start-simulator.js';
import type { Answer, FileChange, FileContent, GateCall } from '../../../src/workers/editor.js';
import type { GateOpener, OpenGate } from '../openGate.js';
import { fbx, png } from '../sampleFiles.js';

/** What the gate must do in front of a real editor's behaviour (the simulator), in this process or behind HTTP. */
export function gateAssetSuite(open: GateOpener): void {
  const EDITOR = 'default';
  const never = new AbortController().signal;

  let folder: string;
  let simulator: RunningSimulator;
  let project: string;
  let calls = 0;
  let names = 0;
  let near: OpenGate;
  let far: OpenGate;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spark-assets-'));
    simulator = await startSimulator({ stateDir: folder, fsync: false, editors: [EDITOR] });
    project = simulator.projects[EDITOR] ?? '';
    const listed = (await (await fetch(`${simulator.sim}/editors`)).json()) as {
      editors: { instance: string }[];
    };
    const common = { serverUrl: simulator.url, clock: systemClock };
    const instance = listed.editors[0]?.instance ?? '';
    near = await open({ ...common, editors: [{ editor: EDITOR, instance, projectFolder: project }] });
    far = await open(common);
  });

  afterAll(async () => {
    await Promise.all([near.stop(), far.stop()]);
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await fetch(`${simulator.sim}/faults`, { method: 'DELETE' });
    await near.drain(EDITOR, never);
  });

  function call(): GateCall {
    calls += 1;
    return { token: { epoch: 1, call: calls }, commandId: `command-${calls}`, attempt: 1, signal: never };
  }

  const newPath = (extension: string): string => {
    names += 1;
    return `Assets/Case${names}/Thing${extension}`;
  };
  const onDisk = (path: string): Buffer => readFileSync(join(project, path));
  const isThere = (path: string): boolean => existsSync(join(project, path));
  const file = (bytes: Buffer, meta: Buffer | null = null): FileContent => ({ bytes, meta });

  /** The one step of an asset's plan, run. */
  async function change(asked: FileChange): Promise<Answer> {
    const plan = near.plan(asked);
    const step = plan.ok ? plan.steps[0] : undefined;
    if (!step) throw new Error('no step');
    return near.run(EDITOR, step, call());
  }

  async function arm(fault: string, tool: string, more: object = {}): Promise<void> {
    const body = JSON.stringify({ editor: EDITOR, tool, fault, ...more });
    const reply = await fetch(`${simulator.sim}/faults`, { method: 'POST', body });
    if (reply.status !== 200) throw new Error(await reply.text());
  }

  async function effectsIn(path: string): Promise<{ tool: string; path: string }[]> {
    const { effects } = (await (await fetch(`${simulator.sim}/effects?after=0`)).json()) as {
      effects: { tool: string; path: string | null }[];
    };
    const parent = path.slice(0, path.lastIndexOf('/') + 1);
    return effects.flatMap(({ tool, path: at }) => (at?.startsWith(parent) ? [{ tool, path: at }] : []));
  }

  describe('an asset on the simulator', () => {
    it('given a picture, then it is staged and imported, and its delete takes the .meta along', async () => {
      const path = newPath('.png');
      expect(await change({ path, before: null, after: file(png(4, 4)) })).toMatchObject({ kind: 'done' });
      expect(onDisk(path)).toEqual(png(4, 4));
      expect(onDisk(`${path}.meta`).toString()).toMatch(/^guid: [0-9a-f]{32}$/m);
      const there = await near.probe(EDITOR, path, never);
      expect(there).toMatchObject({ state: 'present', sha256: sha256(png(4, 4)) });
      expect(await change({ path, before: file(png(4, 4)), after: null })).toMatchObject({ kind: 'done' });
      expect([isThere(path), isThere(`${path}.meta`)]).toEqual([false, false]);
    });

    it('given a .meta that comes along, then Unity keeps its guid and settings', async () => {
      const path = newPath('.png');
      const meta = Buffer.from(
        `fileFormatVersion: 2\nguid: ${'ab'.repeat(16)}\nTextureImporter:\n  filterMode: 0\n`,
      );
      expect(await change({ path, before: null, after: file(png(), meta) })).toMatchObject({ kind: 'done' });
      expect(onDisk(`${path}.meta`)).toEqual(meta);
      const other = Buffer.from(meta.toString().replace('filterMode: 0', 'filterMode: 1'));
      const overwrite = { path, before: file(png(), meta), after: file(png(5, 5), other) };
      expect(await change(overwrite)).toMatchObject({ kind: 'done' });
      expect([onDisk(path), onDisk(`${path}.meta`)]).toEqual([png(5, 5), other]);
    });

    it('given .meta settings that somebody has changed, then an overwrite leaves them', async () => {
      const path = newPath('.png');
      await change({ path, before: null, after: file(png()) });
      const human = Buffer.from(`guid: ${'cd'.repeat(16)}\nhuman: 1\n`);
      writeFileSync(join(project, `${path}.meta`), human);
      const mine = file(png(6, 6), Buffer.from('guid: mine\n'));
      await change({ path, before: file(png(), Buffer.from('guid: old\n')), after: mine });
      expect([onDisk(path), onDisk(`${path}.meta`)]).toEqual([png(6, 6), human]);
    });

    it('given another file in its place, then nothing is overwritten or deleted', async () => {
      const path = newPath('.png');
      mkdirSync(join(project, path, '..'), { recursive: true });
      writeFileSync(join(project, path), 'by hand');
      expect(await change({ path, before: null, after: file(png()) })).toEqual({ kind: 'exists' });
      const stale = { kind: 'stale', currentSha256: sha256('by hand') };
      expect(await change({ path, before: file(png()), after: file(png(3, 3)) })).toEqual(stale);
      expect(await change({ path, before: file(png()), after: null })).toEqual(stale);
      expect(onDisk(path).toString()).toBe('by hand');
    });

    it.each([
      ['busy', { ms: 50, count: 2 }],
      ['lose_reply', {}],
      ['reload_before', { ms: 100 }],
      ['reload_after', { ms: 100 }],
      ['ghost', { ms: 50 }],
    ])('given an import that meets %s, then it is heard in the end and counts once', async (fault, more) => {
      const path = newPath('.png');
      await arm(fault, 'manage_asset', more);
      expect(await change({ path, before: null, after: file(png()) })).toMatchObject({ kind: 'done' });
      expect(isThere(`${path}.meta`)).toBe(true);
      expect(await effectsIn(path)).toHaveLength(1);
    });

    it('given no project folder, then looking and changing are refused and say what to do', async () => {
      const path = newPath('.png');
      const refused = { code: 'no_project_folder', message: expect.stringContaining('UNITY_EDITORS') };
      expect(await far.probe(EDITOR, path, never)).toMatchObject({ state: 'refused', ...refused });
      expect(await far.readFile(EDITOR, path, 10, never)).toMatchObject({ state: 'refused', ...refused });
      const plan = far.plan({ path, before: null, after: file(png()) });
      const step = plan.ok ? plan.steps[0] : undefined;
      if (!step) throw new Error('no step');
      expect(await far.run(EDITOR, step, call())).toMatchObject({ kind: 'refused', ...refused });
    });
  });

  describe('a model on the simulator', () => {
    it('given a new one, then Unity imports it under the name that was planned, and nothing is left beside', async () => {
      const path = newPath('.fbx');
      expect(await change({ path, before: null, after: file(fbx()) })).toMatchObject({
        kind: 'done',
        data: { asset_path: path },
      });
      expect(onDisk(path)).toEqual(fbx());
      expect(isThere('Library/SparkStaging')).toBe(false);
      expect((await effectsIn(path)).map(({ tool }) => tool)).toEqual(['import_model_file']);
    });

    it('given the same step again, then it is not imported a second time as _1', async () => {
      const path = newPath('.fbx');
      await change({ path, before: null, after: file(fbx()) });
      expect(await change({ path, before: null, after: file(fbx()) })).toEqual({ kind: 'exists' });
      expect(readdirSync(join(project, path, '..')).filter((name) => name.endsWith('.fbx'))).toEqual([
        'Thing.fbx',
      ]);
    });

    it('given a reply that is lost, then what was staged is swept away by the next step', async () => {
      const path = newPath('.fbx');
      await arm('lose_reply', 'import_model_file');
      expect(await change({ path, before: null, after: file(fbx()) })).toMatchObject({ kind: 'unknown' });
      expect(await near.probe(EDITOR, path, never)).toMatchObject({
        state: 'present',
        sha256: sha256(fbx()),
      });
      await change({ path: newPath('.png'), before: null, after: file(png()) });
      expect([isThere('Library/SparkStaging'), isThere('Library')]).toEqual([false, false]);
    });

    it('given one that was there before, then it comes back with its .meta and its name', async () => {
      const path = newPath('.fbx');
      await change({ path, before: null, after: file(fbx()) });
      const meta = onDisk(`${path}.meta`);
      await change({ path, before: file(fbx(), meta), after: null });
      expect(await change({ path, before: null, after: file(fbx(), meta), restore: true })).toMatchObject({
        kind: 'done',
      });
      expect([onDisk(path), onDisk(`${path}.meta`)]).toEqual([fbx(), meta]);
    });

    it('given a Library that leads elsewhere, then the model is imported in place', async () => {
      const outside = mkdtempSync(join(tmpdir(), 'spark-library-'));
      symlinkSync(outside, join(project, 'Library'));
      try {
        const path = newPath('.fbx');
        expect(await change({ path, before: null, after: file(fbx()) })).toMatchObject({ kind: 'done' });
        expect(onDisk(path)).toEqual(fbx());
        expect(readdirSync(outside)).toEqual([]);
      } finally {
        rmSync(join(project, 'Library'));
        rmSync(outside, { recursive: true, force: true });
      }
    });
  });

  describe('what an asset is made of', () => {
    const look = (path: string) => near.inspect(EDITOR, path, call());

    it('of a prefab: type, guid, components and the object tree', async () => {
      expect(await look('Assets/Prefabs/Crate.prefab')).toMatchObject({
        kind: 'done',
        asset: {
          assetType: 'UnityEngine.GameObject',
          guid: expect.stringMatching(/^[0-9a-f]{32}$/),
          components: ['UnityEngine.Transform', 'UnityEngine.MeshFilter', 'UnityEngine.MeshRenderer'],
          prefab: {
            kind: 'Regular',
            parent: null,
            totalObjects: 2,
            objects: [
              { path: 'Crate', active: true, children: 1 },
              { path: 'Crate/Lid', components: expect.arrayContaining(['MeshRenderer']), children: 0 },
            ],
          },
        },
      });
    });

    it('of a material, a folder and a model: what they are, and no more', async () => {
      expect((await look('Assets/Materials/Default.mat')).asset).toEqual({
        path: 'Assets/Materials/Default.mat',
        guid: expect.any(String),
        assetType: 'UnityEngine.Material',
        name: 'Default',
        isFolder: false,
      });
      expect((await look('Assets/Prefabs')).asset).toMatchObject({ isFolder: true });
      const path = newPath('.fbx');
      await change({ path, before: null, after: file(fbx()) });
      expect((await look(path)).asset).toMatchObject({
        components: expect.arrayContaining(['UnityEngine.Transform']),
      });
    });

    it('of nothing: it is not there', async () => {
      expect(await look('Assets/None.png')).toMatchObject({ kind: 'refused', code: 'asset_not_found' });
    });

    it('given a reload, then it is away or not executed, and can be asked again', async () => {
      await arm('reload_before', 'manage_asset', { ms: 50 });
      const cut = await look('Assets/Prefabs/Crate.prefab');
      expect(cut.kind).not.toBe('done');
      await expect.poll(async () => (await look('Assets/Prefabs/Crate.prefab')).kind).toBe('done');
    });
  });

  describe('a file of the project', () => {
    it('is read from Assets and Uploads up to the limit, with its hash', async () => {
      mkdirSync(join(project, 'Uploads'), { recursive: true });
      writeFileSync(join(project, 'Uploads/a.bin'), 'hello');
      expect(await near.readFile(EDITOR, 'Uploads/a.bin', 5, never)).toEqual({
        state: 'present',
        bytes: Buffer.from('hello'),
        sha256: sha256('hello'),
      });
      expect(await near.readFile(EDITOR, 'Uploads/a.bin', 4, never)).toMatchObject({
        state: 'refused',
        code: 'file_too_large',
        message: '"Uploads/a.bin" has 5 bytes, the limit is 4',
      });
      expect(await near.readFile(EDITOR, 'Uploads/none', 4, never)).toEqual({ state: 'absent' });
      expect(await near.readFile(EDITOR, 'Assets/Materials/Default.mat', 9_999, never)).toMatchObject({
        state: 'present',
      });
    });

    it('is refused outside of both, through a link, and when it is none', async () => {
      const outside = mkdtempSync(join(tmpdir(), 'spark-outside-'));
      writeFileSync(join(outside, 'secret'), 'secret');
      mkdirSync(join(project, 'Uploads'), { recursive: true });
      symlinkSync(outside, join(project, 'Uploads/link'));
      symlinkSync(join(outside, 'secret'), join(project, 'Uploads/secret'));
      try {
        const read = (path: string) => near.readFile(EDITOR, path, 99, never);
        for (const path of [
          'Uploads/link/secret',
          'ProjectSettings/x',
          'Uploads/../ProjectSettings/x',
          'Uploads',
        ])
          expect(await read(path)).toMatchObject({ state: 'refused', code: 'path_outside_project' });
        expect(await read('Uploads/secret')).toMatchObject({ code: 'not_a_regular_file' });
        expect(await read('Assets/Prefabs')).toMatchObject({ code: 'not_a_regular_file' });
      } finally {
        rmSync(join(project, 'Uploads'), { recursive: true });
        rmSync(outside, { recursive: true, force: true });
      }
    });
  });
}

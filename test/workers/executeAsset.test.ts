import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { sha256 } from '../../src/core/ids.js';
import { assetProblem, assetTarget, decideAsset } from '../../src/workers/execute/decideAsset.js';
import { FAULT_POINTS } from '../../src/workers/execute/executeContext.js';
import { readMedia } from '../../src/workers/execute/readMedia.js';
import { aCommand, type CommandWish } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR, MemoryGate } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';
import { MemoryUploads } from '../support/memoryUploads.js';
import { fbx, OBJ, png, wav } from '../support/sampleFiles.js';

const PATH = 'Assets/Art/Hero.png';
const META = Buffer.from('guid: 0123456789abcdef0123456789abcdef\n');
const PNG = png(8, 8);
const never = new AbortController().signal;
let seq = 0;

/** ingest_asset of bytes that were posted. */
const ingest = (rig: ExecuteRig, bytes: Buffer, payload: object = {}, wish: CommandWish = {}) =>
  aCommand({
    seq: ++seq,
    type: 'unity.ingest_asset',
    payload: { source: { upload: rig.uploads.add(bytes) }, path: PATH, mime: 'image/png', ...payload },
    ...wish,
  });
const step = (type: string) => aCommand({ seq: ++seq, type, payload: {} });
const bytesAt = (rig: ExecuteRig, path = PATH) => rig.gate.files.get(`default\0${path}`)?.bytes;

describe('ingest_asset', () => {
  it('given an upload and a free place, then the bytes come to lie there as one operation', async () => {
    const rig = new ExecuteRig();
    const command = ingest(rig, PNG);
    expect(await rig.run(command)).toMatchObject({
      kind: 'completed',
      result: { path: PATH, sha256: sha256(PNG), beforeSha256: null, operationId: command.commandId },
      change: { direction: 'apply', operation: { tool: 'unity.ingest_asset', before: null } },
    });
    expect(Buffer.from(bytesAt(rig) ?? [])).toEqual(PNG);
    expect(rig.started).toMatchObject([{ intent: { path: PATH, waypoints: ['', sha256(PNG)] } }]);
    expect(rig.gate.effects).toHaveLength(1);
  });

  it('given a file in the Uploads folder of the project, then that is the source', async () => {
    const rig = new ExecuteRig();
    rig.gate.put('default', 'Uploads/pic.png', { bytes: PNG, meta: null });
    const command = ingest(rig, wav(), { source: { file: 'Uploads/pic.png' } });
    expect(await rig.run(command)).toMatchObject({ kind: 'completed', result: { sha256: sha256(PNG) } });
  });

  it('given a posted file under the name that the post answered with, then the bucket has it', async () => {
    const rig = new ExecuteRig();
    const file = `Uploads/${rig.uploads.add(PNG)}.png`;
    expect(await rig.run(ingest(rig, wav(), { source: { file } }))).toMatchObject({ kind: 'completed' });
  });

  it('given the same content there already, then it completes unchanged and the editor is not called', async () => {
    const rig = new ExecuteRig();
    rig.gate.put('default', PATH, { bytes: PNG, meta: META });
    expect(await rig.run(ingest(rig, PNG))).toMatchObject({
      kind: 'completed',
      result: { path: PATH, sha256: sha256(PNG), unchanged: true },
    });
    expect([rig.started.length, rig.gate.calls.length]).toEqual([0, 0]);
  });

  it('given another content there, then it is a conflict and nothing is overwritten', async () => {
    const rig = new ExecuteRig();
    rig.gate.put('default', PATH, { bytes: png(2, 2), meta: META });
    expect(await rig.run(ingest(rig, PNG))).toMatchObject({
      outcome: 'conflict',
      error: { code: 'asset_exists', path: PATH, currentSha256: sha256(png(2, 2)) },
    });
    expect(Buffer.from(bytesAt(rig) ?? [])).toEqual(png(2, 2));
  });

  it.each([
    ['an upload that nobody posted', { source: { upload: 'a'.repeat(64) } }, 'source_missing'],
    ['a file that is not there', { source: { file: 'Uploads/none.png' } }, 'source_missing'],
    ['an upload that has expired', { source: { file: `Uploads/${'b'.repeat(64)}.png` } }, 'source_missing'],
    ['bytes of another type', { mime: 'image/jpeg', path: 'Assets/Hero.jpg' }, 'mime_mismatch'],
  ])('given %s, then it fails with a code of its own and touches nothing', async (_what, payload, code) => {
    const rig = new ExecuteRig();
    const ended = await rig.run(ingest(rig, PNG, payload));
    expect(ended).toMatchObject({ kind: 'failed', outcome: 'failed', error: { code } });
    expect([rig.started.length, rig.gate.calls.length]).toEqual([0, 0]);
  });

  it.each([
    [
      'a file above 10 MB',
      Buffer.alloc(LIMITS.assetBytes + 1, 65),
      'text/plain',
      'Assets/a.txt',
      'asset_too_large',
    ],
    ['a picture that unfolds to gigabytes', png(60_000, 60_000), 'image/png', PATH, 'image_too_large'],
    ['a picture cut off in its header', png().subarray(0, 20), 'image/png', PATH, 'image_unreadable'],
    ['an empty file', Buffer.alloc(0), 'text/plain', 'Assets/a.txt', 'asset_empty'],
  ])('given %s, then it fails and names field and limit', async (_what, bytes, mime, path, code) => {
    const rig = new ExecuteRig();
    const ended = await rig.run(ingest(rig, bytes, { mime, path }));
    expect(ended).toMatchObject({ outcome: 'failed', error: { code, field: 'source' } });
    if (code.endsWith('too_large'))
      expect(ended).toMatchObject({ error: { limit: expect.any(Number), unit: expect.any(String) } });
    expect(rig.gate.calls).toHaveLength(0);
  });

  it('given a project folder out of reach, then it fails and says how to name one', async () => {
    const rig = new ExecuteRig();
    const message = 'name it in UNITY_EDITORS';
    rig.gate.onProbe = () => ({ state: 'refused', code: 'no_project_folder', message });
    expect(await rig.run(ingest(rig, PNG))).toMatchObject({
      outcome: 'failed',
      error: { code: 'no_project_folder', message },
    });
  });

  it('given the upload store away, then the lane waits and no attempt is spent', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(ingest(rig, PNG));
    rig.uploads.away = true;
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    rig.uploads.away = false;
    expect(await rig.toEnd(task)).toMatchObject({ kind: 'completed' });
    expect(task.attempts).toBe(1);
  });

  it.each(['losesReply', 'losesCall', 'ghost', 'falseSuccess', 'away', 'notExecuted'] as const)(
    'given a call that %s, then there is one effect all the same',
    async (fault) => {
      const rig = new ExecuteRig();
      rig.gate.script.push(BEHAVIOUR[fault]);
      expect(await rig.run(ingest(rig, PNG))).toMatchObject({ kind: 'completed' });
      expect(rig.gate.effects).toHaveLength(1);
    },
  );

  it.each(FAULT_POINTS.slice(0, 4))(
    'given a kill at %s, then the next owner finishes it with one effect, upload or no upload',
    async (point) => {
      const rig = new ExecuteRig();
      const command = ingest(rig, PNG);
      const living = rig.context;
      const faultPoint = (name: string) => {
        if (name === point) throw new KilledError('fenced');
      };
      Object.assign(rig, { context: { ...living, faultPoint } });
      await expect(rig.go(rig.task(command))).rejects.toThrow(KilledError);
      Object.assign(rig, { context: living });
      // From the intent on the bytes lie in the image store.
      if (rig.started.length > 0) rig.uploads.objects.clear();
      expect(await rig.toEnd(rig.task(command, rig.started.at(-1)))).toMatchObject({ kind: 'completed' });
      expect(rig.gate.effects).toHaveLength(1);
      expect(Buffer.from(bytesAt(rig) ?? [])).toEqual(PNG);
    },
  );

  it('given a file on disk that the editor has not taken notice of, then the last step is run once more, and once only', async () => {
    const rig = new ExecuteRig();
    const plan = rig.gate.plan.bind(rig.gate);
    rig.gate.plan = (change) => {
      const planned = plan(change);
      return planned.ok
        ? { ...planned, steps: planned.steps.map((step) => ({ ...step, takesNotice: true as const })) }
        : planned;
    };
    const command = ingest(rig, PNG);
    rig.gate.script.push(BEHAVIOUR.losesReply);
    expect(await rig.run(command)).toMatchObject({ kind: 'completed', result: { sha256: sha256(PNG) } });
    expect([rig.gate.calls.length, rig.gate.effects.length]).toEqual([2, 1]);
  });

  it('given undo and redo, then file, folders and their .meta go and come back as they were', async () => {
    const rig = new ExecuteRig();
    rig.gate.folders = new Map();
    await rig.run(ingest(rig, PNG));
    rig.gate.put('default', PATH, { bytes: PNG, meta: META });
    const folder = Buffer.from(rig.gate.folders.get('default\0Assets/Art') ?? []).toString();
    expect(folder).toContain('Assets/Art');
    expect(await rig.run(step('session.undo'))).toMatchObject({ kind: 'completed' });
    expect([bytesAt(rig), rig.gate.folders.size]).toEqual([undefined, 0]);
    expect(await rig.run(step('session.redo'))).toMatchObject({ kind: 'completed' });
    expect(Buffer.from(bytesAt(rig) ?? [])).toEqual(PNG);
    expect(Buffer.from(rig.gate.folders.get('default\0Assets/Art') ?? []).toString()).toBe(folder);
  });
});

describe('the place of an asset', () => {
  const id = '0190f1e2-3a4b-8c5d-9e6f-708192a3b4c5';
  it.each([
    ['model/fbx', 'Assets/Models/Ship.FBX', 'Assets/Models/Ship_0190f1e23a4b.fbx'],
    ['model/gltf-binary', 'Assets/v1.2.glb', 'Assets/v1.2_0190f1e23a4b.glb'],
    ['image/png', 'Assets/Ship.PNG', 'Assets/Ship.PNG'],
  ] as const)('of %s at %s is %s', (mime, path, expected) => {
    expect(assetTarget({ source: { upload: 'a' }, path, mime }, id)).toBe(expected);
  });

  it('of a model is the same for the same command, so a rerun finds what it has made', async () => {
    const rig = new ExecuteRig();
    const command = ingest(rig, fbx(), { path: 'Assets/Ship.fbx', mime: 'model/fbx' });
    const mark = command.commandId.replaceAll('-', '').slice(0, 12);
    expect(await rig.run(command)).toMatchObject({ result: { path: `Assets/Ship_${mark}.fbx` } });
    expect(await rig.run(command)).toMatchObject({ result: { unchanged: true } });
    expect(rig.gate.effects).toHaveLength(1);
  });

  it('decides from what lies there alone', () => {
    const there = { bytes: PNG, meta: META, sha256: sha256(PNG) };
    expect(decideAsset(PATH, PNG, sha256(PNG), undefined)).toMatchObject({ kind: 'change' });
    expect(decideAsset(PATH, PNG, sha256(PNG), there)).toEqual({ kind: 'unchanged' });
    expect(decideAsset(PATH, OBJ, sha256(OBJ), there)).toMatchObject({ outcome: 'conflict' });
    expect(assetProblem('model/obj', OBJ)).toBeUndefined();
  });
});

describe('a file that a command names', () => {
  const posted = (uploads: MemoryUploads) => `Uploads/${uploads.add(PNG)}.png`;
  const read = (gate: MemoryGate, uploads: MemoryUploads, path: string, maxBytes = 1_000_000) =>
    readMedia({ gate, uploads }, 'default', path, maxBytes, never);

  it('comes from the project first', async () => {
    const [gate, uploads] = [new MemoryGate(), new MemoryUploads()];
    const path = posted(uploads);
    gate.put('default', path, { bytes: OBJ, meta: null });
    expect(await read(gate, uploads, path)).toMatchObject({ state: 'present', sha256: sha256(OBJ) });
  });

  it.each([
    ['away', (gate: MemoryGate) => void gate.away.add('default')],
    ['out of reach', (gate: MemoryGate) => void Object.assign(gate, { noProjectFolder: true })],
    ['without it', () => undefined],
  ])('comes from the bucket where the project is %s', async (_what, set) => {
    const [gate, uploads] = [new MemoryGate(), new MemoryUploads()];
    set(gate);
    expect(await read(gate, uploads, posted(uploads))).toMatchObject({ state: 'present' });
  });

  it('is waited for where the editor is away and the bucket has none', async () => {
    const [gate, uploads] = [new MemoryGate(), new MemoryUploads()];
    gate.away.add('default');
    expect(await read(gate, uploads, `Uploads/${'c'.repeat(64)}`)).toMatchObject({ state: 'away' });
    expect(await read(gate, uploads, 'Uploads/mine.png')).toMatchObject({ state: 'away' });
  });

  it('is refused above the limit of who asks, wherever it lies', async () => {
    const [gate, uploads] = [new MemoryGate(), new MemoryUploads()];
    gate.put('default', 'Assets/a.png', { bytes: PNG, meta: null });
    expect(await read(gate, uploads, 'Assets/a.png', 10)).toMatchObject({ code: 'file_too_large' });
    expect(await read(gate, uploads, posted(uploads), 10)).toMatchObject({ code: 'file_too_large' });
  });
});

describe('deconstruct_asset', () => {
  const look = () => aCommand({ seq: ++seq, type: 'unity.deconstruct_asset', payload: { path: PATH } });
  const asset = { path: PATH, guid: null, assetType: 'UnityEngine.Texture2D', name: 'Hero', isFolder: false };

  it('tells what Unity says and what the file itself says', async () => {
    const rig = new ExecuteRig();
    rig.gate.assets.set(PATH, asset);
    rig.gate.put('default', PATH, { bytes: PNG, meta: META });
    expect(await rig.run(look())).toMatchObject({
      kind: 'completed',
      result: { ...asset, sha256: sha256(PNG), mime: 'image/png', widthPx: 8, heightPx: 8 },
    });
  });

  it('given an asset that is not there, then it fails and says so', async () => {
    expect(await new ExecuteRig().run(look())).toMatchObject({
      outcome: 'failed',
      error: { code: 'asset_not_found', path: PATH },
    });
  });

  it.each(['losesReply', 'notExecuted', 'away'] as const)(
    'given a call that %s, then it asks again',
    async (fault) => {
      const rig = new ExecuteRig();
      rig.gate.assets.set(PATH, asset);
      rig.gate.script.push(BEHAVIOUR[fault]);
      expect(await rig.run(look())).toMatchObject({ kind: 'completed' });
    },
  );
});

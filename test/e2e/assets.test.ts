import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { treeOf } from '../support/projectTree.js';
import { fbx, png, wav } from '../support/sampleFiles.js';
import { eventually, newHome, removeHome, Spark, Stop } from '../support/spark.js';
import { commandOfKey, effectsOn, eventTypes, shaOf } from './support/history.js';
import { sessionSteps } from './support/sessionSteps.js';

interface Upload {
  readonly upload: string;
  readonly file: string;
}

/** As curl would: the bytes, and what they are. */
async function upload(spark: Spark, bytes: Buffer, mime: string): Promise<Upload> {
  const response = await fetch(`${spark.endpoints.http}/v1/uploads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${spark.endpoints.token}`, 'content-type': mime },
    body: new Uint8Array(bytes),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as Upload;
}

const modelPath = (stem: string, commandId: unknown): string =>
  `${stem}_${String(commandId).replaceAll('-', '').slice(0, 12)}.fbx`;

describe('assets, from the upload to the undo', () => {
  const home = newHome();
  let spark: Spark;
  let project: string;
  const { done, undo, redo } = sessionSteps(() => spark);

  beforeAll(async () => {
    spark = await Spark.start({ home });
    project = spark.endpoints.unityProjects['default'] ?? '';
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });
  afterEach(async () => {
    await spark.sim('faults', undefined, 'DELETE');
  });

  const ingest = (sessionId: string, payload: object) =>
    spark.submitAndWait({ type: 'unity.ingest_asset', sessionId, payload });
  const ingested = async (session: string, bytes: Buffer, mime: string, path: string) =>
    done('unity.ingest_asset', session, {
      source: { upload: (await upload(spark, bytes, mime)).upload },
      ...{ path, mime },
    });

  it('given a picture, a sound and a model, then their bytes lie in the project; undone, the project is as before; redone, as after', async () => {
    const session = 'assets';
    const before = treeOf(project);
    const picture = await ingested(session, png(64, 64), 'image/png', 'Assets/Art/Deep/Hero.png');
    const sound = await ingested(session, wav(), 'audio/wav', 'Assets/Sound/Jump.wav');
    const model = await ingested(session, fbx(), 'model/fbx', 'Assets/Models/Ship.FBX');
    expect(picture).toMatchObject({ path: 'Assets/Art/Deep/Hero.png', guid: expect.any(String) });
    expect(spark.file('Assets/Art/Deep/Hero.png')).toEqual(png(64, 64));
    expect(spark.file(String(sound['path']))).toEqual(wav());
    expect(model['path']).toBe(modelPath('Assets/Models/Ship', model['operationId']));
    expect(spark.file(String(model['path']))).toEqual(fbx());
    expect((await effectsOn(spark, String(model['path']))).map(({ tool }) => tool)).toEqual([
      'import_model_file',
    ]);
    const after = treeOf(project);
    expect(Object.keys(after)).toEqual(
      expect.arrayContaining(['Assets/Art/Deep.meta', 'Assets/Models.meta']),
    );
    expect(existsSync(join(project, 'Library/SparkStaging'))).toBe(false);

    for (let times = 0; times < 3; times += 1) await undo(session);
    expect(treeOf(project)).toEqual(before);
    for (let times = 0; times < 3; times += 1) await redo(session);
    expect(treeOf(project)).toEqual(after);
    for (let times = 0; times < 3; times += 1) await undo(session);
    expect(treeOf(project)).toEqual(before);
  });

  it('given a file of exactly 10 MB, then it is taken in, told on the standby, and its undo takes it away', async () => {
    const bytes = wav(10 * 1024 * 1024 - 44);
    const large = await ingested('large', bytes, 'audio/wav', 'Assets/Large.wav');
    expect(large).toMatchObject({ bytes: 10 * 1024 * 1024, sha256: shaOf(bytes) });
    const query = "SELECT path, after_sha256, state FROM spark_operations WHERE session_id = 'large'";
    const row = { path: 'Assets/Large.wav', after_sha256: shaOf(bytes) };
    await eventually(async () => expect(await spark.sql(query)).toEqual([{ ...row, state: 'applied' }]));
    await undo('large');
    expect(spark.file('Assets/Large.wav')).toBeUndefined();
    await redo('large');
    expect(shaOf(spark.file('Assets/Large.wav') ?? '')).toBe(shaOf(bytes));
  });

  it('given a file in the Uploads folder of the project, or the name a post answered with, then either is a source', async () => {
    mkdirSync(join(project, 'Uploads'), { recursive: true });
    writeFileSync(join(project, 'Uploads/own.png'), png(5, 5));
    const own = { source: { file: 'Uploads/own.png' }, path: 'Assets/Own.png', mime: 'image/png' };
    expect(await done('unity.ingest_asset', 'sources', own)).toMatchObject({ sha256: shaOf(png(5, 5)) });
    const { file } = await upload(spark, png(6, 6), 'image/png');
    const posted = { source: { file }, path: 'Assets/Posted.png', mime: 'image/png' };
    expect(await done('unity.ingest_asset', 'sources', posted)).toMatchObject({ sha256: shaOf(png(6, 6)) });
    expect(spark.file('Assets/Posted.png')).toEqual(png(6, 6));
  });

  it('given the same asset again, then it is unchanged; given another one in its place, then it is a conflict', async () => {
    const session = 'again';
    await ingested(session, png(7, 7), 'image/png', 'Assets/Again.png');
    expect(await ingested(session, png(7, 7), 'image/png', 'Assets/Again.png')).toMatchObject({
      unchanged: true,
    });
    const other = await upload(spark, png(8, 8), 'image/png');
    const answer = await ingest(session, {
      source: { upload: other.upload },
      ...{ path: 'Assets/Again.png', mime: 'image/png' },
    });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: 'conflict', error: { code: 'asset_exists' } });
    expect(spark.file('Assets/Again.png')).toEqual(png(7, 7));
    expect(await effectsOn(spark, 'Assets/Again.png')).toHaveLength(1);
  });

  it.each([
    ['an upload that nobody posted', { source: { upload: 'a'.repeat(64) } }, 'source_missing'],
    ['a file that is not there', { source: { file: 'Uploads/none.png' } }, 'source_missing'],
    ['a claimed type that is wrong', { path: 'Assets/No.jpg', mime: 'image/jpeg' }, 'mime_mismatch'],
  ])('given %s, then the command fails and says so', async (_what, change, code) => {
    const { upload: known } = await upload(spark, png(9, 9), 'image/png');
    const payload = { source: { upload: known }, path: 'Assets/No.png', mime: 'image/png', ...change };
    const answer = await ingest('refused', payload);
    expect(answer.body).toMatchObject({ state: 'failed', error: { code } });
    expect(existsSync(join(project, payload.path))).toBe(false);
  });

  it('given a picture that would unfold to gigabytes, or a file above 10 MB, then it fails and names the limit', async () => {
    const bomb = await upload(spark, png(60_000, 60_000), 'image/png');
    const large = await upload(spark, wav(11 * 1024 * 1024), 'audio/wav');
    const bombed = await ingest('refused', {
      source: { upload: bomb.upload },
      ...{ path: 'Assets/Bomb.png', mime: 'image/png' },
    });
    expect(bombed.body).toMatchObject({ error: { code: 'image_too_large', limit: 67_108_864, unit: 'px' } });
    const filled = await ingest('refused', {
      source: { upload: large.upload },
      ...{ path: 'Assets/Large.wav', mime: 'audio/wav' },
    });
    expect(filled.body).toMatchObject({
      error: { code: 'asset_too_large', limit: 10_485_760, unit: 'bytes' },
    });
  });

  it.each([
    ['a path outside of Assets', { path: 'Packages/A.png' }, '/payload/path'],
    ['an ending that is not the type’s', { path: 'Assets/A.exe' }, '/payload/path'],
    ['a type that is on no list', { mime: 'application/x-msdownload' }, '/payload/mime'],
  ])('given %s, then it is refused before it is stored', async (_what, change, pointer) => {
    const payload = {
      source: { upload: 'a'.repeat(64) },
      path: 'Assets/A.png',
      mime: 'image/png',
      ...change,
    };
    const answer = await ingest('refused', payload);
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body['errors'])).toContain(pointer);
  });

  it.each([
    ['lose_reply', 'manage_asset', 'image/png'],
    ['reload_before', 'manage_asset', 'image/png'],
    ['reload_after', '*', 'image/png'],
    ['lose_reply', 'import_model_file', 'model/fbx'],
    ['ghost', 'import_model_file', 'model/fbx'],
    ['crash', 'import_model_file', 'model/fbx'],
  ])('given %s of %s in the middle, then there is one effect', async (fault, tool, mime) => {
    const stem = `Assets/Fault/${fault}_${mime.slice(0, 5)}`;
    const bytes = mime === 'image/png' ? png(16, 16) : fbx();
    await spark.sim('faults', { editor: 'default', tool, fault, ms: 300 });
    const result = await ingested('faults', bytes, mime, `${stem}.${mime === 'image/png' ? 'png' : 'fbx'}`);
    const path = String(result['path']);
    expect(spark.file(path)).toEqual(bytes);
    expect(spark.file(`${path}.meta`)?.toString()).toContain(String(result['guid']));
    expect((await spark.effects()).filter((effect) => effect.path?.startsWith(stem))).toHaveLength(1);
  });

  it('given a script, a texture and a prefab, then deconstruct tells what they are; given nothing, that it is not there', async () => {
    const session = 'deconstruct';
    await done('unity.generate_script', session, {
      name: 'Part',
      path: 'Assets/Part.cs',
      code: 'class Part {}',
    });
    await ingested(session, png(32, 16), 'image/png', 'Assets/Part.png');
    const look = (path: string) => done('unity.deconstruct_asset', session, { path });
    expect(await look('Assets/Part.cs')).toMatchObject({
      assetType: 'UnityEditor.MonoScript',
      sha256: shaOf('class Part {}'),
      guid: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await look('Assets/Part.png')).toMatchObject({
      assetType: 'UnityEngine.Texture2D',
      ...{ mime: 'image/png', widthPx: 32, heightPx: 16 },
    });
    expect(await look('Assets/Prefabs/Crate.prefab')).toMatchObject({
      assetType: 'UnityEngine.GameObject',
      prefab: { totalObjects: 2, objects: [{ path: 'Crate' }, { path: 'Crate/Lid' }] },
    });
    const none = await spark.submitAndWait({
      type: 'unity.deconstruct_asset',
      sessionId: session,
      payload: { path: 'Assets/None.png' },
    });
    expect(none.body).toMatchObject({ state: 'failed', error: { code: 'asset_not_found' } });
  });
});

describe('an ingest whose process is killed with SIGKILL', () => {
  const home = newHome();
  afterAll(() => removeHome(home));

  it.each([
    ['after_intent', 'image/png'],
    ['after_call', 'model/fbx'],
    ['after_probe:2', 'image/png'],
    ['before_finish', 'model/fbx'],
  ])('at %s of %s, then it has one effect and one end after the restart', async (point, mime) => {
    const session = `kill-${point.replace(':', '-')}`;
    const isModel = mime === 'model/fbx';
    const bytes = isModel ? fbx() : png(12, 12);
    const stem = `Assets/Killed/${session}`;
    const doomed = await Spark.start({ home, env: { SPARK_FAULT_POINT: point } });
    const { upload: source } = await upload(doomed, bytes, mime);
    const payload = { source: { upload: source }, path: `${stem}.${isModel ? 'fbx' : 'png'}`, mime };
    await doomed.publish({ type: 'unity.ingest_asset', session }, payload, {
      'Spark-Idempotency-Key': 'one',
    });
    expect(await doomed.exited, doomed.output).toEqual({ code: null, signal: 'SIGKILL' });
    await doomed.closeClients();

    const spark = await Spark.start({ home });
    try {
      const row = await eventually(
        async () => {
          const found = await commandOfKey(spark, session, 'one');
          if (!['accepted', 'started', 'completed'].includes(found.state)) throw new Stop(found.error_code);
          expect(found.state).toBe('completed');
          return found;
        },
        { timeoutMs: 60_000 },
      );
      expect(await eventTypes(spark, row.command_id)).toEqual([
        'ingest_unity_asset.started',
        'ingest_unity_asset.completed',
      ]);
      const effects = (await spark.effects()).filter((effect) => effect.path?.startsWith(stem));
      expect(effects).toHaveLength(1);
      expect(spark.file(effects[0]?.path ?? '')).toEqual(bytes);
      expect(spark.file(`${effects[0]?.path}.meta`)).toBeDefined();
    } finally {
      await spark.stop();
    }
  });
});

import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import type { SessionImport } from '../../src/commands/sessionImport.js';
import { sha256, uuidFrom } from '../../src/core/ids.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { contentOfText } from '../support/memoryGate.js';

type Imported = SessionImport['operations'][number];
const PATH = 'Assets/Player.cs';
let seq = 0;
const image = (text: string) => ({ sha256: sha256(text), bytes: text.length, meta: null });
const operation = (n: number, over: Partial<Imported> = {}): Imported => ({
  operationId: uuidFrom('there', n),
  ts: `2029-01-01T00:00:0${n}.000Z`,
  editor: 'default',
  path: PATH,
  tool: 'unity.generate_script',
  state: 'applied',
  before: n === 1 ? null : image(`text ${n - 1}`),
  after: image(`text ${n}`),
  ...over,
});
/** A picture as its header says it; nobody unfolds it here. */
const pngOf = (widthPx: number, heightPx: number): Buffer => {
  const bytes = Buffer.from('89504e470d0a1a0a0000000d4948445200000000000000000806000000', 'hex');
  bytes.writeUInt32BE(widthPx, 16);
  bytes.writeUInt32BE(heightPx, 20);
  return bytes;
};
const importing = (operations: readonly Imported[]) =>
  aCommand({ seq: ++seq, type: 'session.import', payload: { operations } });
const step = (type: string, payload: object = {}) => aCommand({ seq: ++seq, type, payload });

async function aRig() {
  const rig = new ExecuteRig();
  rig.now = '2030-01-01T00:00:00.000Z';
  const texts = ['text 1', 'text 2', 'text 3'].map((text) => Buffer.from(text));
  await rig.images.put(texts.map((bytes) => ({ sha256: sha256(bytes), bytes })));
  return rig;
}

describe('session.import', () => {
  it('makes operations that can be undone, redone and rolled back here, and touches no file', async () => {
    const rig = await aRig();
    rig.gate.put('default', PATH, contentOfText('text 2'));
    const verdict = await rig.run(importing([operation(1), operation(2), operation(3, { state: 'undone' })]));
    expect(verdict).toMatchObject({ kind: 'completed', result: { operations: 3 } });
    expect(rig.gate.calls).toEqual([]);
    await rig.run(step('session.redo'));
    expect(rig.gate.text('default', PATH)).toBe('text 3');
    await rig.run(step('session.rollback', { to: '2029-01-01T00:00:01.500Z' }));
    expect(rig.gate.text('default', PATH)).toBe('text 1');
    await rig.run(step('session.undo'));
    expect(rig.gate.text('default', PATH)).toBeNull();
  });

  it('tells which operation became which, and keeps units together', async () => {
    const rig = await aRig();
    const unitId = uuidFrom('unit there', 1);
    rig.gate.put('default', PATH, contentOfText('text 2'));
    const verdict = await rig.run(importing([operation(1, { unitId }), operation(2, { unitId })]));
    const [first] = (verdict.kind === 'completed' ? verdict.result['imported'] : []) as { from: string }[];
    expect(first).toMatchObject({ from: operation(1).operationId });
    expect(await rig.run(step('session.undo'))).toMatchObject({ result: { operations: 2 } });
    expect(rig.gate.text('default', PATH)).toBeNull();
  });

  it('given the same document again, or an operation twice, is a conflict', async () => {
    const rig = await aRig();
    await rig.run(importing([operation(1)]));
    for (const operations of [[operation(1)], [operation(2), operation(2)]])
      expect(await rig.run(importing(operations))).toMatchObject({
        outcome: 'conflict',
        error: { code: 'operation_known' },
      });
    expect(rig.undoLog.operationsOf('session-1')).toHaveLength(1);
  });

  it('given an image that is not stored, or not of that size, fails and says which', async () => {
    const rig = await aRig();
    const gone = image('never stored');
    for (const after of [gone, { ...image('text 1'), bytes: 99 }])
      expect(await rig.run(importing([operation(1, { after })]))).toMatchObject({
        outcome: 'failed',
        error: { code: 'image_missing', images: [after.sha256] },
      });
  });

  it('given bytes that are not what an asset’s path says, or more pixels than are taken in, fails and names the path', async () => {
    const rig = await aRig();
    const png = pngOf(64, 64);
    const huge = pngOf(16_384, 16_384);
    const texts = [Buffer.from('MZ no picture'), png, huge];
    await rig.images.put(texts.map((bytes) => ({ sha256: sha256(bytes), bytes })));
    const of = (bytes: Buffer) => ({ sha256: sha256(bytes), bytes: bytes.byteLength, meta: null });
    const asset = (path: string, over: Partial<Imported>) => operation(1, { path, after: null, ...over });
    const run = (one: Imported) => rig.run(importing([one]));
    const forged = of(Buffer.from('MZ no picture'));
    for (const one of [
      asset('Assets/A.png', { after: forged, state: 'undone' }),
      asset('Assets/A.PNG', { before: forged, state: 'applied' }),
      asset('Assets/A.jpg', { after: of(png) }),
    ])
      expect(await run(one)).toMatchObject({
        outcome: 'failed',
        error: { code: 'mime_mismatch', path: one.path, field: 'operations' },
      });
    expect(await run(asset('Assets/A.png', { after: of(huge) }))).toMatchObject({
      outcome: 'failed',
      error: { code: 'image_too_large', limit: LIMITS.imagePixels },
    });
    // The same bytes under two names are judged as each of them.
    const both = [
      asset('Assets/A.png', { after: of(png) }),
      operation(2, { path: 'Assets/B.wav', after: of(png) }),
    ];
    expect(await rig.run(importing(both))).toMatchObject({ error: { path: 'Assets/B.wav' } });
    expect(rig.undoLog.operationsOf('session-1')).toEqual([]);
    expect(await run(asset('Assets/A.png', { after: of(png), state: 'undone' }))).toMatchObject({
      kind: 'completed',
    });
  });

  it('never names an import as the later change of a conflict', async () => {
    const rig = await aRig();
    const theirs = aCommand({ seq: ++seq, sessionId: 'other', payload: scriptPayload(PATH, 'theirs') });
    await rig.run(theirs);
    await rig.run(importing([operation(1)]));
    expect(await rig.run(step('session.undo'))).toMatchObject({
      outcome: 'conflict',
      error: { laterChange: { sessionId: 'other', commandId: theirs.commandId } },
    });
  });
});

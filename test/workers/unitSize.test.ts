import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import type { OperationMove } from '../../src/events/event.js';
import { completedEvent } from '../../src/workers/ledger/recorder.js';
import { aCommand } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';

const MB = 1024 * 1024;
const BEFORE = Buffer.from('before');
const rollback = () => aCommand({ type: 'session.rollback', payload: { to: '2020-01-01T00:00:00Z' } });

/** A session that has changed so many files, each of them to `after`, with the sizes that its log tells. */
function aSession(files: number, toldBytes: number, after: Buffer) {
  const rig = new ExecuteRig();
  rig.now = '2030-01-01T10:00:00.000Z';
  const image = (bytes: Buffer) => ({ sha256: sha256(bytes), bytes: toldBytes, meta: null });
  const moves = Array.from({ length: files }, (_, at): OperationMove => {
    const path = `Assets/Art/${at}.png`;
    rig.gate.files.set(`default\0${path}`, { bytes: after, meta: null });
    return {
      direction: 'apply',
      operation: {
        operationId: `7a5f6f6e-1d53-8f0a-8d4b-${String(at).padStart(12, '0')}`,
        editor: 'default',
        path,
        tool: 'unity.ingest_asset',
        before: image(BEFORE),
        after: image(after),
      },
    };
  });
  const made = rig.task(aCommand({}));
  rig.undoLog.apply(completedEvent(made, { kind: 'completed', result: {}, changes: moves }, 1, rig.now));
  rig.images.bytes.set(sha256(BEFORE), BEFORE);
  let gets = 0;
  const get = rig.images.get.bind(rig.images);
  rig.images.get = (sha) => {
    gets++;
    return get(sha);
  };
  return { rig, gets: () => gets };
}

describe('a rollback of more than fits into memory', () => {
  it('given sizes in the log beyond the limit, fails before it looks at a file or loads an image', async () => {
    const { rig, gets } = aSession(20, 10 * MB, Buffer.from('after'));
    const probes = rig.gate.probes;
    expect(await rig.run(rollback())).toMatchObject({
      kind: 'failed',
      outcome: 'failed',
      error: {
        code: 'unit_too_large',
        limit: 256 * MB,
        unit: 'bytes',
        message: expect.stringContaining('go in several steps'),
      },
    });
    expect([rig.gate.probes - probes, gets(), rig.gate.effects.length, rig.started.length]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('given files that are larger than the log says, stops at the one that passes the limit', async () => {
    const { rig, gets } = aSession(8, 1, Buffer.alloc(100 * MB));
    const probes = rig.gate.probes;
    expect(await rig.run(rollback())).toMatchObject({ kind: 'failed', error: { code: 'unit_too_large' } });
    expect([rig.gate.probes - probes, gets(), rig.gate.effects.length, rig.started.length]).toEqual([
      3, 3, 0, 0,
    ]);
  });

  it('given sizes just within the limit, goes on', async () => {
    const { rig } = aSession(12, 10 * MB, Buffer.from('after'));
    expect(await rig.run(rollback())).toMatchObject({ kind: 'completed', result: { operations: 12 } });
    expect(rig.gate.text('default', 'Assets/Art/3.png')).toBe('before');
  });
});

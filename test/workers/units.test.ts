import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/commands/envelope.js';
import { sha256 } from '../../src/core/ids.js';
import type { PresetFile } from '../../src/workers/presetPort.js';
import { planUndo } from '../../src/workers/undo/planUndo.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR, contentOfText } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';

let seq = 0;
const preset = (wish: CommandWish = {}) =>
  aCommand({ seq: ++seq, type: 'preset.apply', payload: { presetId: 'platformer-2d' }, ...wish });
const session = (type: 'undo' | 'redo', operationId?: string) =>
  aCommand({ seq: ++seq, type: `session.${type}`, payload: operationId ? { operationId } : {} });
const file = (name: string, meta: string | null = null): PresetFile => ({
  path: `Assets/Game/${name}`,
  bytes: Buffer.from(`// ${name}`),
  meta: meta === null ? null : Buffer.from(meta),
});
const FILES = [file('Scripts/Player.cs'), file('Scripts/Camera.cs', 'guid: a\n'), file('Art/Tile.png')];
const pathsOf = (rig: ExecuteRig) => [...rig.gate.files.keys()].map((key) => key.split('\0')[1]).toSorted();
const ALL = FILES.map(({ path }) => path).toSorted();

function aRig(files = FILES): ExecuteRig {
  const rig = new ExecuteRig();
  rig.gate.folders = new Map();
  Object.assign(rig.context, { presets: { files: async () => files } });
  return rig;
}
const foldersOf = (rig: ExecuteRig) => [...(rig.gate.folders?.keys() ?? [])].map((key) => key.split('\0')[1]);

async function killedAt(rig: ExecuteRig, command: Command, point: number) {
  let left = point;
  const living = rig.context;
  const faultPoint = () => {
    if (left-- === 0) throw new KilledError('killed');
  };
  Object.assign(rig, { context: { ...living, faultPoint } });
  const before = rig.started.length;
  const outcome = await rig.toEnd(rig.task(command)).catch((error: unknown) => error);
  Object.assign(rig, { context: living });
  return outcome instanceof KilledError ? rig.toEnd(rig.task(command, rig.started[before])) : outcome;
}

describe('preset.apply', () => {
  it('writes every file as one unit, each an operation of its own, and tells its progress', async () => {
    const rig = aRig();
    const command = preset();
    const verdict = await rig.run(command);
    expect(verdict).toMatchObject({
      kind: 'completed',
      result: {
        presetId: 'platformer-2d',
        unitId: command.commandId,
        targetFolder: 'Assets/Game',
        files: FILES.map(({ path, bytes }) => ({ path, sha256: sha256(bytes), bytes: bytes.byteLength })),
      },
    });
    expect(pathsOf(rig)).toEqual(ALL);
    const operations = rig.undoLog.operationsOf('session-1');
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(3);
    expect(operations.map(({ unitId }) => unitId)).toEqual(FILES.map(() => command.commandId));
    expect(rig.unitTicks.at(-1)).toMatchObject({
      filesDone: 3,
      filesTotal: 3,
      path: 'Assets/Game/Art/Tile.png',
    });
    expect(rig.started.at(-1)?.intents).toHaveLength(3);
  });

  it('is undone and redone as one by its newest file, its unit id or any member, folders and all', async () => {
    const rig = aRig();
    const command = preset();
    await rig.run(command);
    const made = foldersOf(rig);
    const member = rig.undoLog.operationsOf('session-1')[1]?.operationId;
    for (const id of [undefined, command.commandId, member]) {
      expect(await rig.run(session('undo', id))).toMatchObject({
        kind: 'completed',
        result: { operations: 3 },
      });
      expect([pathsOf(rig), foldersOf(rig)]).toEqual([[], []]);
      expect(await rig.run(session('redo', id))).toMatchObject({
        kind: 'completed',
        result: { operations: 3 },
      });
      expect([pathsOf(rig), foldersOf(rig).toSorted()]).toEqual([ALL, made.toSorted()]);
    }
    expect(await rig.run(session('redo'))).toMatchObject({ error: { code: 'nothing_to_redo' } });
  });

  it('given another file in the way, is a conflict that names it, and nothing is written', async () => {
    const rig = aRig();
    rig.gate.put('default', 'Assets/Game/Art/Tile.png', contentOfText('mine'));
    expect(await rig.run(preset())).toMatchObject({
      outcome: 'conflict',
      error: {
        code: 'file_exists',
        path: 'Assets/Game/Art/Tile.png',
        files: [{ currentSha256: sha256('mine') }],
      },
    });
    expect(pathsOf(rig)).toEqual(['Assets/Game/Art/Tile.png']);
  });

  it('given the very same file there, leaves it out of the unit: its undo keeps it', async () => {
    const rig = aRig();
    const [first = file('x')] = FILES;
    rig.gate.put('default', first.path, { bytes: first.bytes, meta: null });
    expect(await rig.run(preset())).toMatchObject({ result: { files: [{}, {}] } });
    await rig.run(session('undo'));
    expect(pathsOf(rig)).toEqual([first.path]);
    expect(await aRigWithAll().run(preset())).toMatchObject({ result: { files: [], unchanged: true } });
  });

  it('given a file that the editor refuses half way, takes the others back and fails', async () => {
    const rig = aRig();
    rig.gate.script.push(BEHAVIOUR.works, BEHAVIOUR.works, BEHAVIOUR.refuses);
    expect(await rig.run(preset())).toMatchObject({
      outcome: 'failed',
      error: { code: 'no_such_tool', path: 'Assets/Game/Art/Tile.png', takenBack: 2 },
    });
    expect([pathsOf(rig), foldersOf(rig)]).toEqual([[], []]);
    expect(rig.undoLog.operationsOf('session-1')).toEqual([]);
  });

  it('given attempts that are spent, takes everything back and leaves a dead letter', async () => {
    const rig = aRig();
    rig.gate.script.push(BEHAVIOUR.works, ...Array.from({ length: 3 }, () => BEHAVIOUR.losesCall));
    expect(await rig.run(preset())).toMatchObject({
      outcome: 'failed',
      exhausted: true,
      error: { code: 'attempts_exhausted', takenBack: 1 },
    });
    expect(pathsOf(rig)).toEqual([]);
  });

  it('given a preset file that somebody changed before the way back, keeps their change and says unknown', async () => {
    const rig = aRig();
    let calls = 0;
    rig.gate.onCall = () => {
      if (++calls === 2) rig.gate.put('default', FILES[0]?.path ?? '', contentOfText('theirs'));
    };
    rig.gate.script.push(BEHAVIOUR.works, BEHAVIOUR.refuses);
    expect(await rig.run(preset())).toMatchObject({
      outcome: 'outcome_unknown',
      error: { notTakenBack: [FILES[0]?.path] },
      changes: [{ direction: 'apply', operation: { path: FILES[0]?.path } }],
    });
    expect(rig.gate.text('default', FILES[0]?.path ?? '')).toBe('theirs');
    expect(rig.undoLog.operationsOf('session-1')).toHaveLength(1);
  });

  it('given a path the gate cannot plan, fails before anything is written', async () => {
    const rig = aRig();
    rig.gate.refusePlan = { code: 'bad_script_path', message: 'no' };
    expect(await rig.run(preset())).toMatchObject({ outcome: 'failed', error: { code: 'bad_script_path' } });
    expect(rig.gate.calls).toEqual([]);
  });

  it.each(Array.from({ length: 14 }, (_, n) => n))(
    'killed at fault point %i, is finished by the next owner, each file once',
    async (point) => {
      const rig = aRig();
      expect(await killedAt(rig, preset(), point)).toMatchObject({
        kind: 'completed',
        result: { files: [{}, {}, {}] },
      });
      expect(pathsOf(rig)).toEqual(ALL);
      expect(rig.gate.effects).toHaveLength(3);
    },
  );
});

function aRigWithAll(): ExecuteRig {
  const rig = aRig();
  for (const { path, bytes } of FILES) rig.gate.put('default', path, { bytes, meta: null });
  return rig;
}

describe('a dry run', () => {
  const planned = async (rig: ExecuteRig, direction: 'undo' | 'redo' | 'rollback', to?: string) =>
    planUndo({ undoLog: rig.undoLog, builds: rig.context.jobs }, rig.context, {
      sessionId: 'session-1',
      direction,
      ...(to === undefined ? {} : { to }),
    });

  it('of a unit shows the diff of every file, and changes nothing', async () => {
    const rig = aRig();
    await rig.run(preset());
    const before = pathsOf(rig);
    expect(await planned(rig, 'undo')).toMatchObject({
      ok: true,
      operations: 3,
      filesTotal: 3,
      files: [
        { path: 'Assets/Game/Art/Tile.png', diff: expect.stringContaining('+++ /dev/null') },
        { path: 'Assets/Game/Scripts/Camera.cs' },
        { path: 'Assets/Game/Scripts/Player.cs', diff: expect.stringContaining('-// Scripts/Player.cs') },
      ],
    });
    expect(pathsOf(rig)).toEqual(before);
  });

  it('of a rollback decides as the command would: a later change is a conflict', async () => {
    const rig = aRig();
    rig.now = '2030-01-01T10:00:00.000Z';
    await rig.run(preset());
    const first = FILES[0]?.path ?? '';
    await rig.run(aCommand({ seq: ++seq, sessionId: 'other', payload: scriptPayload(first, 'x', true) }));
    expect(await planned(rig, 'rollback', '2030-01-01T00:00:00Z')).toMatchObject({
      ok: false,
      code: 'conflict',
      path: first,
      laterChange: { sessionId: 'other' },
    });
    expect(await planned(rig, 'rollback', '2031-01-01T00:00:00Z')).toMatchObject({ ok: true, operations: 0 });
  });

  it('that would be too long says so', async () => {
    const rig = aRig([file('Big.cs'), { ...file('Bigger.cs'), bytes: Buffer.from('line\n'.repeat(60_000)) }]);
    await rig.run(preset());
    const plan = (await planned(rig, 'undo')) as { cut?: string; files: { diff?: string }[] };
    expect(plan.cut).toContain('not everything');
    expect(plan.files[0]?.diff).toBeUndefined();
  });
});

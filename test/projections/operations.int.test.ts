import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { uuidFrom } from '../../src/core/ids.js';
import type { OperationMove } from '../../src/events/event.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { listOperations, operationById } from '../../src/projections/operations/queries.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { readTables } from '../../src/projections/slots/readTables.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { command, completed, failed, imageContents, operationOf, started } from '../support/story.js';

const preset = command({ type: 'preset.apply', commandId: uuidFrom('preset') });
const paths = ['Assets/Game/A.cs', 'Assets/Game/B.cs', 'Assets/Game_1/C.cs'];
const idOf = (n: number) => uuidFrom('member', n);
const move = (n: number, direction: OperationMove['direction']): OperationMove => ({
  direction,
  operation: {
    ...operationOf(preset, null, 'text'),
    operationId: idOf(n),
    unitId: preset.commandId,
    path: paths[n] ?? '',
  },
});
const ALL = [0, 1, 2];

describe('operations of a unit in the read model', () => {
  let db: TestDatabase;
  let rig: Rig;
  const list = (query: object = {}) =>
    listOperations(db.pool('spark_ingest'), { sessionId: 'session-1', limit: 10, ...query });
  const pathsOf = async (query: object) => (await list(query)).map(({ path }) => path);

  beforeAll(async () => {
    db = await createTestDatabase();
    rig = projectorRig(db.pool('spark_projector'));
    rig.images.add(imageContents('text'));
    const undo = command({ type: 'session.undo', commandId: uuidFrom('undo') });
    rig.log.append([started(preset), completed(preset, { changes: ALL.map((n) => move(n, 'apply')) })]);
    rig.log.append([
      started(undo),
      // Half way: two could not be taken back, and the one that had changed is told as a conflict.
      failed(undo, 'conflict', { changes: [move(2, 'undo')], operationId: idOf(0) }),
    ]);
    await rig.projector.start();
    await rig.caughtUp();
  });
  afterAll(async () => {
    await rig.projector.stop();
    await db.drop();
  });

  it('given one event of several, then each is a row with its unit, in their order', async () => {
    expect((await list()).map(({ path, unitId, ordinal, state }) => [path, unitId, ordinal, state])).toEqual([
      [paths[2], preset.commandId, 2, 'undone'],
      [paths[1], preset.commandId, 1, 'applied'],
      [paths[0], preset.commandId, 0, 'conflict'],
    ]);
    expect(await operationById(db.pool('spark_ingest'), idOf(1))).toMatchObject({ path: paths[1] });
  });

  it('given a path, a prefix, a tool, an editor, a state or a time, then only those', async () => {
    expect(await pathsOf({ path: paths[0] })).toEqual([paths[0]]);
    expect(await pathsOf({ path: 'Assets/Game/*' })).toEqual([paths[1], paths[0]]);
    // The underscore is a character of the path, not a wildcard.
    expect(await pathsOf({ path: 'Assets/Game_*' })).toEqual([paths[2]]);
    expect(await pathsOf({ state: 'undone' })).toEqual([paths[2]]);
    expect(await pathsOf({ tool: 'nobody.does_this' })).toEqual([]);
    expect(await pathsOf({ editor: 'elsewhere' })).toEqual([]);
    const [newest] = await list();
    const at = newest?.ts ?? new Date(0);
    expect(await pathsOf({ since: at })).toHaveLength(3);
    expect(await pathsOf({ until: at })).toEqual([]);
  });

  it('given the place of the last row, then the next page begins behind it, within one event too', async () => {
    const [first] = await list({ limit: 1 });
    const before = { seq: first?.seq ?? 0, ordinal: first?.ordinal ?? 0 };
    expect(await pathsOf({ before })).toEqual([paths[1], paths[0]]);
  });

  it('given a rebuild, then the rows are the same', async () => {
    const before = await digestReadModels(db.admin);
    await rig.projector.stop();
    await rebuild({
      pool: db.pool('spark_projector'),
      logSource: rig.log,
      imageSource: rig.images,
      clock: systemClock,
      signal: new AbortController().signal,
      settleMs: 0,
    });
    expect(await digestReadModels(db.admin)).toEqual(before);
  });

  it('given a prefix among many rows, then an index finds it', async () => {
    const live = (await readTables(db.admin)).of('spark_operations');
    await db.admin.query(`
      INSERT INTO ${live} (operation_id, seq, ts, command_id, session_id, editor, path, tool, state, state_command_id, state_ts, last_seq)
      SELECT gen_random_uuid(), 1000000 + n, now(), gen_random_uuid(), 's' || n % 50, 'default', 'Assets/Many/' || n || '.cs', 'x', 'applied', gen_random_uuid(), now(), 1000000 + n
      FROM generate_series(1, 20000) n`);
    await db.admin.query(`ANALYZE ${live}`);
    const { rows } = await db.admin.query(
      `EXPLAIN SELECT * FROM spark.spark_operations WHERE path LIKE 'Assets/Game/%' ORDER BY seq DESC, ordinal DESC LIMIT 50`,
    );
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('spark_operations_path_pattern');
  });
});

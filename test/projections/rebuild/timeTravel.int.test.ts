import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestReadModels } from '../../../src/projections/digest.js';
import { READ_MODELS, type TableName } from '../../../src/projections/readModels.js';
import { dropTimeTravel, timeTravel } from '../../../src/projections/rebuild/timeTravel.js';
import type { Until } from '../../../src/projections/rebuild/until.js';
import { Tables } from '../../../src/projections/slots/tables.js';
import { type RebuildRig, rebuildRig } from '../../support/rebuildRig.js';
import { ROOT } from '../../support/sourceText.js';
import { STORY_BEGAN_MS } from '../../support/story.js';

const MODELS = READ_MODELS.map(({ table }) => table).filter(
  (table) => table !== 'spark_images',
) as TableName[];

let rig: RebuildRig;
beforeAll(async () => {
  rig = await rebuildRig(STORY_BEGAN_MS);
});
afterAll(() => rig.stop());

describe('a time travel', () => {
  it('given a time, a sequence or a place in a message, then the schema is what the live tables were then; they are untouched', async () => {
    rig.busy.work(100);
    rig.busy.poison();
    await rig.live.projector.start();
    await rig.live.caughtUp();
    const then = (await rig.digest()).filter(({ table }) => table !== 'spark_images');
    const atMs = rig.log.stream.items.at(-1)?.item.tsMs ?? 0;
    const seq = rig.log.stream.lastSeq * 1_024 + 1_023;
    rig.busy.work(100);
    await rig.live.caughtUp();
    const live = await rig.digest();

    const cases: readonly (readonly [string, Until])[] = [
      ['by_time', { kind: 'time', tsMs: Math.round(atMs * 1_000) / 1_000 }],
      ['by_seq', { kind: 'seq', seq }],
    ];
    for (const [schema, until] of cases) {
      const result = await timeTravel({ ...rig.options(), until, schema });
      expect(result.schema).toBe(schema);
      const found = await digestReadModels(rig.db.pool('spark_ingest'), Tables.inSchema(schema, MODELS));
      expect(found, schema).toEqual(then);
    }
    expect(await rig.digest()).toEqual(live);
  });

  it('given a place inside a message, then it is cut there', async () => {
    const until: Until = { kind: 'seq', seq: 1_024 + 2 };
    const result = await timeTravel({ ...rig.options(), until });
    expect(result).toMatchObject({ schema: 'spark_until_1026', events: 3, untilSeq: 1_026 });
    const { rows } = await rig.db.admin.query(
      'SELECT count(*)::int AS n, max(seq)::int AS last FROM spark_until_1026.spark_events',
    );
    expect(rows).toEqual([{ n: 3, last: 1_026 }]);
  });

  it('may be read by dashboards and not written', async () => {
    const dashboards = rig.db.pool('spark_dashboard_ro');
    const client = await dashboards.connect();
    try {
      // As docs/rebuild.md says it.
      const documented =
        /```sql\n([^`]*)```/.exec(readFileSync(join(ROOT, 'docs/rebuild.md'), 'utf8'))?.[1] ?? '';
      const [search = '', question = ''] = documented.split(';\n');
      await client.query(search.replace(/spark_until_\w+/, 'by_seq'));
      const { rows } = await client.query(question);
      expect(rows.length).toBeGreaterThan(2);
      await client.query('SET default_transaction_read_only = off');
      await expect(client.query('DELETE FROM spark_sessions')).rejects.toMatchObject({ code: '42501' });
    } finally {
      client.release(true);
    }
  });

  it('given some read models, then only those are there', async () => {
    await timeTravel({
      ...rig.options({ names: ['spark_sessions'] }),
      until: { kind: 'seq', seq: 5_000 },
      schema: 'few',
    });
    const { rows } = await rig.db.admin.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'few'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['command_states', 'spark_commands', 'spark_sessions']);
  });

  it('given a time before everything, then it is empty', async () => {
    const result = await timeTravel({
      ...rig.options(),
      until: { kind: 'time', tsMs: STORY_BEGAN_MS - 1 },
      schema: 'before',
    });
    expect(result).toMatchObject({ untilSeq: 0, events: 0 });
  });

  it('given one cut off half way, then the next begins anew; given one that is complete, it is refused', async () => {
    const abort = new AbortController();
    const travel = { until: { kind: 'seq', seq: 9_000 }, schema: 'half' } as const;
    await expect(
      timeTravel({ ...rig.options({ signal: abort.signal, onProgress: () => abort.abort() }), ...travel }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    await timeTravel({ ...rig.options(), ...travel });
    await expect(timeTravel({ ...rig.options(), ...travel })).rejects.toMatchObject({
      code: 'schema_taken',
      message: expect.stringContaining('--drop-schema half'),
    });
  });

  it('drops what it has made, and nothing else', async () => {
    await rig.db.admin.query('CREATE SCHEMA somebodys');
    const pool = rig.db.pool('spark_projector');
    const travel = { until: { kind: 'seq', seq: 9_000 } } as const;
    for (const schema of ['somebodys', 'spark', 'public', 'spark_blue', 'pg_catalog']) {
      await expect(dropTimeTravel(pool, schema)).rejects.toMatchObject({ code: 'schema_taken' });
      await expect(timeTravel({ ...rig.options(), ...travel, schema })).rejects.toMatchObject({
        code: 'schema_taken',
      });
    }
    await expect(timeTravel({ ...rig.options(), ...travel, schema: 'then' })).rejects.toMatchObject({
      code: 'schema_taken',
    });
    await dropTimeTravel(pool, 'half');
    const { rows } = await rig.db.admin.query(
      `SELECT nspname FROM pg_namespace WHERE nspname IN ('half', 'somebodys') ORDER BY 1`,
    );
    expect(rows).toEqual([{ nspname: 'somebodys' }]);
  });
});

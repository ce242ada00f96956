import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import { type Harness, startHarness, TOKEN } from '../support/httpHarness.js';
import { operationRow } from '../support/operationFakes.js';
import { spark } from './runSpark.js';

let real: Harness;
let folder: string;
const row = operationRow(1);
const run = (...argv: string[]) =>
  spark(argv, { url: `http://127.0.0.1:${real.server.address().port}`, token: TOKEN });

beforeAll(async () => {
  real = await startHarness({ drainMs: 200 });
  folder = mkdtempSync(join(tmpdir(), 'spark-undo-log-'));
  real.reads.operations.push(row);
  real.images.stored.set(sha256('text 1'), Buffer.from('text 1'));
});
afterAll(async () => {
  await real.server.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('spark diff shows what an operation changed', async () => {
  const ran = await run('diff', row.operationId);
  expect([ran.exitCode, ran.out]).toEqual([0, expect.stringContaining('+text 1')]);
});

it('spark history of all sessions passes its filters on, and shows where to go on', async () => {
  const ran = await run('history', '--path', 'Assets/*', '--state', 'applied', '-n', '1');
  expect(real.reads.filters.at(-1)).toMatchObject({ path: 'Assets/*', state: 'applied', limit: 1 });
  expect(ran.out).toContain(row.operationId);
  expect(ran.out).toContain('--cursor 1.0');
});

it('spark history --export writes a document that spark import takes', async () => {
  const file = join(folder, 's1.json');
  expect((await run('history', 's1', '--export', file)).out).toContain('1 operations written');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1, session: 's1' });
  expect((await run('import', 's2', file, '--json')).exitCode).toBe(0);
  expect(real.submitter.accepted.at(-1)).toMatchObject({ type: 'session.import', sessionId: 's2' });
  expect((await run('history', '--export', file)).exitCode).toBe(2);
});

it('spark rollback shows the plan first; a dry run submits nothing', async () => {
  real.queries.plan = { ok: true, operations: 3, filesTotal: 2, files: [], diff: '' };
  const before = real.submitter.accepted.length;
  expect((await run('rollback', 's1', '--to', row.operationId, '--dry-run')).out).toContain(
    '3 operations on 2 files',
  );
  expect(real.submitter.accepted).toHaveLength(before);
  await run('rollback', 's1', '--to', row.operationId);
  expect(real.submitter.accepted.at(-1)).toMatchObject({
    type: 'session.rollback',
    payload: { to: row.operationId },
  });
});

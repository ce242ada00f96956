import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandRow, completedEvent, failedEvent } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';
import { operationRow } from '../support/operationFakes.js';
import { type Ran, spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
const OPERATION = '7a5f6f6e-1d53-8f0a-8d4b-2f6f3b2f0c11';

let real: Harness;
let url: string;
let folder: string;
const run = (argv: readonly string[], token = TOKEN): Promise<Ran> => spark(argv, { url, token });
const document = (ran: Ran): Record<string, unknown> => JSON.parse(ran.out) as Record<string, unknown>;

beforeEach(async () => {
  // A connection that was answered a moment ago may still count as busy at the stop; no test waits for it.
  real = await startHarness({ drainMs: 200 });
  url = `http://127.0.0.1:${real.server.address().port}`;
  folder = mkdtempSync(join(tmpdir(), 'spark-contract-'));
});
afterEach(async () => {
  await real.server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const codeFile = (): string => {
  const file = join(folder, 'Player.cs');
  writeFileSync(file, 'public class Player {}\n');
  return file;
};

describe('the command line against the real HTTP server', () => {
  const submit = (...more: string[]): string[] => [
    ...['submit', 'unity.generate_script', '-s', 's1', '--code-file', codeFile(), '--json'],
    ...more,
  ];

  it('submit stores the command; the same key again is the same command', async () => {
    const first = document(await run(submit('-k', 'once')));
    const again = document(await run(submit('-k', 'once')));
    expect(first).toMatchObject({ status: 'accepted', duplicate: false });
    expect(again).toMatchObject({ commandId: first['commandId'], duplicate: true });
    expect(real.submitter.accepted).toHaveLength(1);
    expect(real.submitter.accepted[0]?.payload).toMatchObject({
      name: 'Player',
      path: 'Assets/Scripts/Player.cs',
    });
  });

  it('submit of another payload under the key exits 5, of a wrong path 1 with its pointer', async () => {
    await run(submit('-k', 'once'));
    expect((await run(submit('-k', 'once', '--set', 'overwrite=true'))).exitCode).toBe(5);
    const wrong = await run(submit('--set', 'path=../x.cs'));
    expect(wrong.exitCode).toBe(1);
    expect(document(wrong)).toMatchObject({ error: { errors: [{ pointer: '/payload/path' }] } });
  });

  it.each([
    ['completed', 0],
    ['conflict', 5],
    ['rejected', 1],
  ] as const)('submit --wait, given it ends as %s, exits %i', async (state, exitCode) => {
    real.submitter.onAccepted = (commandId) => {
      // As a worker would: some time after the answer, and seen by the read model and the feed.
      const event =
        state === 'completed' ? completedEvent(commandId, 's1') : failedEvent(commandId, 's1', state, state);
      setTimeout(() => {
        real.reads.commands.set(commandId, commandRow(commandId, { state }));
        real.feed.append(event);
      }, 50);
    };
    const ran = await run(submit('--wait', '10'));
    expect(ran.exitCode).toBe(exitCode);
    expect(document(ran)).toMatchObject({ state });
  });

  it('submit --file stores every line', async () => {
    const file = join(folder, 'many.ndjson');
    const line = (at: number): string =>
      JSON.stringify({ type: 'unity.delete_script', sessionId: 's1', payload: { path: `Assets/A${at}.cs` } });
    writeFileSync(file, [line(1), '{"type":"unity.fly","sessionId":"s1","payload":{}}', line(2)].join('\n'));
    const ran = await run(['submit', '--file', file, '--json']);
    expect(ran.exitCode).toBe(1);
    expect(document(ran)).toMatchObject({ accepted: 2, refused: [{ line: 2, code: 'unknown_command' }] });
    expect(real.submitter.accepted).toHaveLength(2);
  });

  it('status, list and history show what the read models have', async () => {
    real.reads.commands.set(ID, commandRow(ID));
    real.reads.operations.push(operationRow(1, { operationId: OPERATION }));
    expect((await run(['status', ID], READ_TOKEN)).out).toContain(`completed  ${ID}`);
    expect((await run(['list', '-s', 's1', '--state', 'completed', '-n', '5'])).out).toContain(ID);
    expect((await run(['history', 's1'])).out).toContain(OPERATION);
    expect((await run(['status', OPERATION])).exitCode).toBe(1);
  });

  it('undo shows the plan, then submits exactly that operation', async () => {
    real.queries.plan = {
      ok: true,
      operationId: OPERATION,
      editor: 'default',
      path: 'Assets/A.cs',
      diff: '-a\n+b\n',
    };
    expect((await run(['undo', 's1', '--dry-run'])).out).toContain('-a\n+b');
    expect(real.submitter.accepted).toHaveLength(0);
    expect((await run(['undo', 's1'])).exitCode).toBe(0);
    expect(real.submitter.accepted[0]).toMatchObject({
      type: 'session.undo',
      payload: { operationId: OPERATION },
    });
  });

  it.each([
    ['conflict', 5],
    ['nothing_to_undo', 1],
  ])('undo, given the plan says %s, exits %i', async (code, exitCode) => {
    real.queries.plan = { ok: false, code, message: 'no' };
    expect((await run(['undo', 's1'])).exitCode).toBe(exitCode);
    expect((await run(['redo', 's1', '--dry-run', '--json'])).exitCode).toBe(exitCode);
  });

  it('watch prints history, then what happens', async () => {
    real.feed.append(completedEvent(ID, 's1'));
    const ran = await spark(['watch', 's1', '--count', '2', '--json'], {
      ...{ url, token: TOKEN },
      onOut: (out) => {
        if (out.trim().split('\n').length === 1) real.feed.append(completedEvent(ID, 's1', {}, 1));
      },
    });
    expect(
      ran.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: string }).id),
    ).toEqual(['1024', '2048']);
  });

  it('a token without the scope, or none, exits 1; doctor is content', async () => {
    expect((await run(['undo', 's1', '--dry-run'], READ_TOKEN)).err).toContain('scope');
    expect((await spark(['list'], { url })).exitCode).toBe(1);
    expect((await run(['doctor'])).exitCode).toBe(0);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

type Json = Record<string, unknown>;

describe('the command line against a running SPARK', () => {
  const home = newHome();
  const folder = mkdtempSync(join(tmpdir(), 'spark-cli-e2e-'));
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
    rmSync(folder, { recursive: true, force: true });
  });

  const cli = (...args: string[]) => runCli(home, args);
  /** With --json: one document on standard output, nothing else. */
  async function json(...args: string[]): Promise<{ code: number | null; body: Json }> {
    const { code, out } = await cli(...args, '--json');
    expect(out.trimEnd().split('\n'), out).toHaveLength(1);
    return { code, body: JSON.parse(out) as Json };
  }
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const generate = (session: string, name: string, code = `class ${name} {}\n`) =>
    json(
      'submit',
      'unity.generate_script',
      '--session',
      session,
      '--wait',
      '--payload',
      JSON.stringify({ name, path: `Assets/${name}.cs`, code, overwrite: true }),
    );

  it('submit --code-file --wait writes the file, says completed and exits 0', async () => {
    const code = '\ufeffclass CliPlayer\r\n{ /* 🎮 */ }\r\n';
    const { code: exit, out } = await cli(
      'submit',
      'unity.generate_script',
      '--session',
      'cli-file',
      '--code-file',
      file('CliPlayer.cs', code),
      '--wait',
    );
    expect(exit).toBe(0);
    expect(out).toMatch(/^completed {2}[0-9a-f-]{36}\n/);
    expect(out).toContain('spark undo cli-file');
    expect(spark.file('Assets/Scripts/CliPlayer.cs')).toEqual(Buffer.from(code));
  });

  it('submit --json without --wait prints the accept; status finds the command until it has ended, and list shows it', async () => {
    const payload = JSON.stringify({ name: 'CliA', path: 'Assets/CliA.cs', code: 'class CliA {}' });
    const { code, body } = await json(
      'submit',
      'unity.generate_script',
      '-s',
      'cli-a',
      '--payload',
      payload,
      '--key',
      'cli-key',
      '--actor',
      'Ada L',
    );
    expect(code).toBe(0);
    expect(body).toMatchObject({ status: 'accepted', duplicate: false });
    const id = String(body['commandId']);
    const ended = await eventually(async () => {
      const status = await json('status', id);
      expect(status.body).toMatchObject({ state: 'completed' });
      return status;
    });
    expect(ended).toMatchObject({
      code: 0,
      body: {
        commandId: id,
        type: 'unity.generate_script',
        sessionId: 'cli-a',
        editor: 'default',
        result: { path: 'Assets/CliA.cs' },
      },
    });
    expect((await cli('status', id)).out).toContain(`completed  ${id}`);

    const again = await json(
      'submit',
      'unity.generate_script',
      '-s',
      'cli-a',
      '--payload',
      payload,
      '--key',
      'cli-key',
      '--wait',
    );
    expect(again).toMatchObject({ code: 0, body: { commandId: id, state: 'completed' } });

    const list = await eventually(async () => {
      const found = await json('list', '--session', 'cli-a', '--state', 'completed');
      expect(found.body['items']).toHaveLength(1);
      return found;
    });
    expect((list.body['items'] as Json[])[0]).toMatchObject({
      commandId: id,
      actor: 'Ada L',
      idempotencyKey: 'cli-key',
    });
    expect((await cli('list', '--session', 'cli-a')).out).toMatch(
      new RegExp(`${id} +completed +unity.generate_script +cli-a +default`),
    );
  });

  it('a key with another payload exits 5, a refused payload 1, each saying where', async () => {
    const other = JSON.stringify({ name: 'CliA', path: 'Assets/CliA.cs', code: 'class Other {}' });
    const mismatch = await json(
      'submit',
      'unity.generate_script',
      '-s',
      'cli-a',
      '--payload',
      other,
      '--key',
      'cli-key',
    );
    expect(mismatch).toMatchObject({
      code: 5,
      body: { error: { code: 'idempotency_mismatch', exitCode: 5 } },
    });
    const refused = await json(
      'submit',
      'unity.delete_script',
      '-s',
      'cli-a',
      '--payload',
      '{"path":"../x.cs"}',
    );
    expect(refused).toMatchObject({
      code: 1,
      body: { error: { code: 'schema_violation', status: 422, errors: [{ pointer: '/payload/path' }] } },
    });
    const text = await cli('submit', 'unity.delete_script', '-s', 'cli-a', '--payload', '{"path":"../x.cs"}');
    expect(text).toMatchObject({ code: 1, out: '' });
    expect(text.err).toContain('/payload/path');
  });

  it('a command that fails exits 1, a conflict 5, one still open when the time is up 4', async () => {
    const missing = await json(
      'submit',
      'unity.delete_script',
      '-s',
      'cli-fail',
      '--set',
      'path=Assets/Nothing.cs',
      '--wait',
    );
    expect(missing).toMatchObject({
      code: 1,
      body: { state: 'failed', error: { code: 'script_not_found' } },
    });
    await generate('cli-fail', 'CliTaken');
    const taken = await json(
      'submit',
      'unity.generate_script',
      '-s',
      'cli-fail',
      '--wait',
      '--payload',
      JSON.stringify({ name: 'CliTaken', path: 'Assets/CliTaken.cs', code: 'class Other {}' }),
    );
    expect(taken).toMatchObject({ code: 5, body: { state: 'conflict', error: { code: 'script_exists' } } });

    await spark.sim('reload', { editor: 'default', ms: 4_000 });
    const late = await json(
      'submit',
      'unity.delete_script',
      '-s',
      'cli-fail',
      '--set',
      'path=Assets/CliTaken.cs',
      '--wait',
      '0.5',
    );
    expect(late).toMatchObject({ code: 4, body: { timedOut: true, waitedMs: 500 } });
    await spark.command(String(late.body['commandId']), (row) => row['state'] === 'completed');
  });

  it('history, undo --dry-run, undo --wait and redo tell one story, and the files follow', async () => {
    const session = 'cli-story';
    await generate(session, 'CliStory', 'class CliStory\n{\n    int a = 1;\n}\n');
    const patch = file('story.diff', '@@ -3 +3 @@\n-    int a = 1;\n+    int a = 2;\n');
    const patched = await json(
      'submit',
      'unity.apply_patch',
      '-s',
      session,
      '--set',
      'path=Assets/CliStory.cs',
      '--patch-file',
      patch,
      '--wait',
    );
    expect(patched).toMatchObject({ code: 0, body: { state: 'completed' } });
    const operationId = (patched.body['result'] as Json)['operationId'];
    const now = () => spark.file('Assets/CliStory.cs')?.toString() ?? '';

    const dry = await json('undo', session, '--dry-run');
    expect(dry).toMatchObject({ code: 0, body: { ok: true, operationId, path: 'Assets/CliStory.cs' } });
    expect(String(dry.body['diff'])).toContain('+    int a = 1;');
    expect((await cli('undo', session, '--dry-run')).out).toContain('-    int a = 2;');
    expect(now()).toContain('int a = 2;');

    const undone = await json('undo', session, '--wait');
    expect(undone).toMatchObject({ code: 0, body: { state: 'completed', type: 'session.undo' } });
    expect(now()).toContain('int a = 1;');
    const history = await eventually(async () => {
      const found = await json('history', session);
      const items = found.body['items'] as Json[];
      expect(items.map((item) => [item['tool'], item['state']])).toEqual([
        ['unity.apply_patch', 'undone'],
        ['unity.generate_script', 'applied'],
      ]);
      return found;
    });
    expect(history.code).toBe(0);
    expect((await cli('history', session)).out).toMatch(/undone +unity\.apply_patch +Assets\/CliStory\.cs/);

    expect(await json('redo', session, '--wait')).toMatchObject({ code: 0, body: { state: 'completed' } });
    expect(now()).toContain('int a = 2;');
    expect(await json('redo', session)).toMatchObject({
      code: 1,
      body: { error: { code: 'nothing_to_redo' } },
    });

    writeFileSync(join(spark.endpoints.unityProjects['default'] ?? '', 'Assets/CliStory.cs'), 'mine');
    expect(await json('undo', session, '--wait')).toMatchObject({
      code: 5,
      body: { error: { code: 'conflict' } },
    });
    expect(now()).toBe('mine');
  });

  it('watch shows what was and what comes, as lines and as NDJSON, until Ctrl-C', async () => {
    const session = 'cli-watch';
    await generate(session, 'CliWatch');
    const watch = startCli(home, ['watch', session, '--json']);
    const lines = () =>
      watch.text.out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Json);
    await eventually(() => expect(lines()).toHaveLength(2));
    await generate(session, 'CliWatch', 'class CliWatch { int b; }\n');
    await eventually(() => expect(lines()).toHaveLength(4));
    watch.child.kill('SIGINT');
    expect((await watch.ended).code).toBe(0);
    expect(lines().map((line) => line['type'])).toEqual(
      [1, 2].flatMap(() => ['generate_unity_script.started', 'generate_unity_script.completed']),
    );
    const ids = lines().map((line) => Number(line['id']));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));

    const after = await cli('watch', session, '--after', String(ids[1]), '--count', '2');
    expect(after.code).toBe(0);
    expect(after.out.trimEnd().split('\n')).toHaveLength(2);
    expect(after.out).toMatch(/started {2}generate_unity_script {2}Assets\/CliWatch\.cs/);
  });

  it('submit --file sends every line of an NDJSON file, and a repeat of it changes nothing', async () => {
    const ndjson = Array.from({ length: 30 }, (_, n) =>
      JSON.stringify({
        type: 'unity.generate_script',
        sessionId: 'cli-batch',
        payload: { name: `Batch${n}`, path: `Assets/Batch${n}.cs`, code: `class Batch${n} {}` },
      }),
    ).join('\n');
    const path = file('commands.ndjson', `${ndjson}\n`);
    expect((await cli('submit', '--file', path, '--key', 'import-1')).code).toBe(0);
    await eventually(async () =>
      expect(
        await spark.sql(
          "SELECT count(*)::int AS n FROM spark_commands WHERE session_id = 'cli-batch' AND state = 'completed'",
        ),
      ).toEqual([{ n: 30 }]),
    );
    const effects = (await spark.effects()).length;
    expect((await cli('submit', '--file', path, '--key', 'import-1')).code).toBe(0);
    await generate('cli-batch-after', 'BatchAfter');
    expect((await spark.effects()).length).toBe(effects + 1);
    expect(spark.file('Assets/Batch29.cs')?.toString()).toBe('class Batch29 {}');
  });

  it('doctor finds every part well and exits 0', async () => {
    const { code, body } = await json('doctor');
    const checks = body['checks'] as { name: string; ok: boolean; detail: string }[];
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect({ code, ok: body['ok'] }).toEqual({ code: 0, ok: true });
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'node',
        'home',
        'disk',
        'endpoints',
        'http',
        'token',
        'nats',
        'postgres primary',
        'postgres replica',
      ]),
    );
    expect((await cli('doctor')).err).toContain('All is well.');
  });

  it('wrong arguments exit 2, nobody there 3, a wrong token 1, and help 0', async () => {
    expect((await cli('submit', 'unity.delete_script')).code).toBe(2);
    expect((await cli('frobnicate')).code).toBe(2);
    expect((await cli('undo', 'no.token')).code).toBe(2);
    expect((await cli('submit', 'x', '-s', 'a', '--payload', '{')).code).toBe(2);
    const nobody = await runCli(join(folder, 'no-home'), ['list', '--json']);
    expect(nobody.code).toBe(3);
    expect(JSON.parse(nobody.out)).toMatchObject({ error: { code: 'unreachable' } });
    expect((await cli('list', '--url', 'http://127.0.0.1:9')).code).toBe(3);
    const token = await json('list', '--token', 'x'.repeat(43));
    expect(token).toMatchObject({ code: 1, body: { error: { code: 'unauthorized', status: 401 } } });
    expect((await json('status', `${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`)).body).toMatchObject({
      error: { code: 'not_found' },
    });
    for (const command of [
      'start',
      'submit',
      'watch',
      'status',
      'list',
      'undo',
      'redo',
      'history',
      'doctor',
      'rebuild',
      'ingest',
      'worker',
      'projector',
      'gate',
      'simulator',
    ]) {
      const help = await cli(command, '--help');
      expect({ command, code: help.code }).toEqual({ command, code: 0 });
      expect(help.out).toContain('Examples:');
    }
    expect((await cli('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('without colour where there is no terminal, whatever is printed is plain', async () => {
    const { out, err } = await cli('list');
    expect(out + err).not.toContain('\u001b');
  });

  it('doctor of a home whose SPARK was stopped says so and exits 1', async () => {
    const empty = join(folder, 'stopped');
    const { code, out } = await runCli(empty, ['doctor']);
    expect(code).toBe(1);
    expect(out).toMatch(/FAIL {2}endpoints.*no SPARK runs/);
    expect(out).toContain('fix: Start one: npm start');
  });
});

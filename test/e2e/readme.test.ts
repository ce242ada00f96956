import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The fenced blocks of README.md in one language, as they can be pasted. */
function snippets(language: string): string[] {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  return [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].flatMap(([, kind, code]) =>
    kind === language ? [code ?? ''] : [],
  );
}

const the = (language: string, mark: string): string => {
  const found = snippets(language).filter((snippet) => snippet.includes(mark));
  expect(found, `one ${language} snippet with ${mark}`).toHaveLength(1);
  return found[0] ?? '';
};

describe('what the README tells a new user to paste', () => {
  const home = newHome();
  const folder = mkdtempSync(join(tmpdir(), 'spark-readme-'));
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home });
    // The snippets are written for the checkout's folder.
    symlinkSync(home, join(folder, '.spark'));
    for (const name of ['node_modules', 'package.json', 'bin', 'dist'])
      symlinkSync(join(ROOT, name), join(folder, name));
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
    rmSync(folder, { recursive: true, force: true });
  });

  const paste = (script: string) => run('sh', ['-ec', script], { cwd: folder });

  it('given the curl snippet twice, the script is written once and the second answer is the first', async () => {
    const script = `${the('sh', 'TOKEN=$(node')}\n${the('sh', 'Idempotency-Key: hello-1')}`;
    const first = JSON.parse((await paste(script)).stdout) as Record<string, unknown>;
    expect(first['status']).toBe('completed');
    expect(spark.file('Assets/Scripts/Hello.cs')?.toString()).toBe('public class Hello {}\n');
    const second = JSON.parse((await paste(script)).stdout) as Record<string, unknown>;
    expect(second).toMatchObject({ commandId: first['commandId'], duplicate: true });
    expect((await spark.effects()).filter(({ path }) => path === 'Assets/Scripts/Hello.cs')).toHaveLength(1);
  });

  it('given the plain NATS snippet, JetStream acknowledges and the script is gone', async () => {
    const { stdout } = await paste(the('sh', 'import { connect } from "nats"'));
    expect(JSON.parse(stdout)).toMatchObject({ stream: 'SPARK_COMMANDS' });
    await eventually(() => expect(spark.file('Assets/Scripts/Hello.cs')).toBeUndefined());
  });

  it('given the SQL, the standby answers', async () => {
    await eventually(async () => {
      const rows = await spark.sql(the('sql', 'spark_commands').replaceAll(';', ''));
      expect(rows.map((row) => row['state'])).toEqual(['completed', 'completed']);
    });
  });

  it('given the command line with a dry run, the undo shows what it would bring back', async () => {
    const { stdout } = await run(process.execPath, ['bin/spark.js', 'undo', 'demo', '--dry-run'], {
      cwd: folder,
    });
    expect(stdout).toContain('+public class Hello {}');
    await run(process.execPath, ['bin/spark.js', 'undo', 'demo', '--wait'], { cwd: folder });
    expect(spark.file('Assets/Scripts/Hello.cs')?.toString()).toBe('public class Hello {}\n');
  });

  it('given the tour of the catalogue, each line works and at its end the project is as before it began', async () => {
    // Everything of the session, the script of the first snippets too: it began with none.
    const { stdout } = await paste(the('sh', 'preset apply').replaceAll('npx spark', 'node bin/spark.js'));
    expect(readFileSync(join(folder, 'preview.png')).subarray(1, 4).toString()).toBe('PNG');
    expect(stdout).toContain('default');
    expect(spark.file('Assets/Scripts/Hello.cs')).toBeUndefined();
    expect(existsSync(join(spark.endpoints.unityProjects['default'] ?? '', 'Assets/Spark'))).toBe(false);
  });
});

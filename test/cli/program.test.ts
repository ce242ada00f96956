import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ROLES } from '../../src/cli/host.js';
import { createProgram } from '../../src/cli/program.js';
import { readCliEnvironment } from '../../src/cli/settings.js';
import { ROOT } from '../support/sourceText.js';
import { spark } from './runSpark.js';

const NAMES = createProgram({
  host: { out: () => undefined, err: () => undefined, color: false } as never,
  run: (body) => body().then(() => undefined),
}).commands.map((command) => command.name());

describe('spark --help', () => {
  it('names every command and the exit codes', async () => {
    const ran = await spark(['--help']);
    expect(ran.exitCode).toBe(0);
    for (const name of NAMES) expect(ran.out).toContain(`  ${name} `);
    expect(ran.out).toContain('0 ok, 1 failed, 2 usage, 3 unreachable, 4 timeout, 5 conflict');
  });

  it.each(NAMES)('of %s describes it, shows examples, and offers --json', async (name) => {
    const ran = await spark([name, '--help']);
    expect(ran).toMatchObject({ exitCode: 0, err: '' });
    expect(ran.out).toContain(`Usage: spark ${name} `);
    expect(ran.out).toMatch(/Examples:\n {2}\$ .*spark/);
    expect(ran.out).toContain('--json');
  });

  it('given nothing to do, shows the help as an error', async () => {
    const ran = await spark([]);
    expect(ran).toMatchObject({ exitCode: 2, out: '' });
    expect(ran.err).toContain('Usage: spark');
  });

  it.each([[['fly']], [['status']], [['status', 'a', 'b']], [['list', '--colour']]])(
    'given %j, exits 2 and points to --help',
    async (argv) => {
      const ran = await spark(argv);
      expect(ran).toMatchObject({ exitCode: 2, out: '' });
      expect(ran.err).toContain('--help');
    },
  );

  it('prints the version of the package', async () => {
    expect((await spark(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('the roles', () => {
  it('start passes on what was asked for, and its exit code', async () => {
    const asked: unknown[] = [];
    const runtime = { runStart: (options: unknown) => Promise.resolve(asked.push(options) + 4) };
    const ran = await spark(['start', '--fresh', '--no-demo', '--home', '/nowhere/h', '--json'], { runtime });
    expect(ran.exitCode).toBe(5);
    expect(asked).toEqual([{ fresh: true, demo: false, home: '/nowhere/h', json: true }]);
  });

  it('start runs the demo and keeps the home unless told', async () => {
    const asked: unknown[] = [];
    await spark(['start'], { runtime: { runStart: (options) => Promise.resolve(asked.push(options)) } });
    expect(asked).toEqual([{ fresh: false, demo: true, home: undefined, json: false }]);
  });

  it.each(ROLES)('%s runs that role alone', async (role) => {
    const asked: unknown[] = [];
    const runtime = { runRole: (name: string) => Promise.resolve(asked.push(name) - 1) };
    expect((await spark([role], { runtime })).exitCode).toBe(0);
    expect(asked).toEqual([role]);
  });

  it('rebuild passes on the read models', async () => {
    const asked: unknown[] = [];
    const runtime = { runRebuild: (options: unknown) => Promise.resolve(asked.push(options) - 1) };
    await spark(['rebuild', 'spark_events'], { runtime });
    expect(asked).toEqual([
      expect.objectContaining({
        ...{ readModels: ['spark_events'], home: undefined, json: false, rollback: false, anew: false },
        ...{ until: undefined, schema: undefined, dropSchema: undefined, acceptLoss: false },
      }),
    ]);
  });
});

describe('colours', () => {
  it.each([
    [{ NO_COLOR: '1' }, true],
    [{ TERM: 'dumb' }, true],
    [{ NO_COLOR: '' }, false],
    [{}, false],
  ])('given %j, are refused: %s', (env, noColor) => {
    expect(readCliEnvironment(env).noColor).toBe(noColor);
  });
});

describe('bin/spark.js', () => {
  it('before the first build says how to build', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spark-bin-'));
    try {
      mkdirSync(join(folder, 'bin'));
      cpSync(join(ROOT, 'bin/spark.js'), join(folder, 'bin/spark.js'));
      cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
      const failed = await promisify(execFile)(process.execPath, [join(folder, 'bin/spark.js'), 'list']).then(
        () => undefined,
        (error: { code: number; stderr: string }) => error,
      );
      expect(failed?.code).toBe(1);
      expect(failed?.stderr).toContain('npm run build');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

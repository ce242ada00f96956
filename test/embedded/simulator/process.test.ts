import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { events, filesBelow, freshFolder, openSession, post, rpc } from './support.js';

const ROOT = resolve(import.meta.dirname, '../../..');
let built = '';
const children: ChildProcess[] = [];

interface Ready {
  readonly url: string;
  readonly sim: string;
  readonly projects: Record<string, string>;
  readonly effectLog: string;
  readonly pid: number;
}

/** Compiles the simulator alone, so that this neither needs nor disturbs the project's own build. */
beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'spark-sim-build-'));
  writeFileSync(join(built, 'package.json'), '{"type":"module"}');
  symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'));
  const compilerOptions = {
    noEmit: false,
    rootDir: join(ROOT, 'src'),
    outDir: join(built, 'dist'),
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  const files = [join(ROOT, 'src/embedded/simulator/main.ts')];
  writeFileSync(
    join(built, 'tsconfig.json'),
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, files, include: [] }),
  );
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', built]);
}, 60_000);

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(() => rm(built, { recursive: true, force: true }));

function run(args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(built, 'dist/embedded/simulator/main.js'), ...args]);
  children.push(child);
  return child;
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let all = '';
  for await (const chunk of stream ?? []) all += String(chunk);
  return all;
}

async function start(state: string, more: string[] = []): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = run(['--state', state, '--exit-with-stdin', ...more]);
  let line = '';
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    line += String(chunk);
    if (line.includes('\n')) break;
  }
  return { child, ready: JSON.parse(line) as Ready };
}

describe('the simulator as a process', () => {
  it('given --help, it explains itself and exits 0; given nonsense, it exits 2', async () => {
    const help = run(['--help']);
    expect(await text(help.stdout)).toContain('--exit-with-stdin');
    const wrong = run(['--state', 'x', '--port', 'many']);
    const [message, [code]] = await Promise.all([text(wrong.stderr), once(wrong, 'close')]);
    expect([code, message]).toEqual([2, expect.stringContaining('--port takes a whole number')]);
    const none = run([]);
    expect((await once(none, 'close'))[0]).toBe(2);
    const open = run(['--state', await freshFolder(), '--host', '0.0.0.0']);
    const [refusal, [exit]] = await Promise.all([text(open.stderr), once(open, 'close')]);
    expect([exit, refusal]).toEqual([1, expect.stringContaining('not_loopback')]);
  });

  it('given a start, it prints one JSON line; given the end of stdin, it exits', async () => {
    const state = await freshFolder();
    const { child, ready } = await start(state, ['--editors', 'default,second']);
    expect(ready).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/),
      sim: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/sim$/),
      projects: { default: join(state, 'projects/default'), second: join(state, 'projects/second') },
      effectLog: join(state, 'effects.jsonl'),
      pid: child.pid,
    });
    const closed = once(child, 'close');
    child.stdin?.end();
    expect((await closed)[0]).toBe(0);
  });

  it('given a second start on a living state folder, it is refused; after kill -9 it starts at once', async () => {
    const state = await freshFolder();
    const { child } = await start(state);
    const second = run(['--state', state]);
    const [message, [code]] = await Promise.all([text(second.stderr), once(second, 'close')]);
    expect([code, message]).toEqual([1, expect.stringContaining('state_in_use')]);
    child.kill('SIGKILL');
    expect((await start(state)).ready.projects['default']).toBe(join(state, 'projects/default'));
  }, 30_000);

  it('given kill -9 in the middle of many effects, the log is whole and tells exactly what lies on disk', async () => {
    const state = await freshFolder();
    for (let round = 0; round < 3; round += 1) {
      const { child, ready } = await start(state, ['--no-fsync']);
      const session = await openSession(ready.url);
      const create = async (name: string): Promise<void> => {
        const args = { path: `Assets/R${round}/${name}.cs`, contents: `class ${name} { }` };
        await (
          await post(ready.url, rpc('tools/call', { name: 'create_script', arguments: args }), session)
        ).text();
      };
      const names = Array.from({ length: 60 }, (_, index) => `S${index}`);
      const all = names.map((name) => create(name));
      // Somewhere in the middle: some are answered, some are done, some are on their way.
      await all[20 + round];
      child.kill('SIGKILL');
      await Promise.allSettled(all);
    }
    const { ready } = await start(state);
    const logged = readFileSync(ready.effectLog, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number; path: string });
    expect(logged.map(({ n }) => n)).toEqual(logged.map((_, index) => index + 1));
    const onDisk = (await filesBelow(join(state, 'projects/default'))).filter((file) =>
      /^Assets\/R\d\/.*\.cs$/.test(file),
    );
    expect(logged.map(({ path }) => path).sort()).toEqual(onDisk);
    expect(onDisk.length).toBeGreaterThan(3);
    const hello = await post(
      ready.url,
      rpc('initialize', { protocolVersion: '2025-06-18', capabilities: {} }),
    );
    expect(events(await hello.text())[0]).toHaveProperty('result');
  }, 60_000);
});

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Endpoints, eventually } from '../support/spark.js';
import { endpointsFile, gone } from './support/home.js';
import { GENERATE, newScript as script } from './support/scripts.js';

describe('whoever runs it', () => {
  it('given an ordinary user with a copy of the project, everything works as for anybody else', async () => {
    const root = process.getuid?.() === 0;
    const who = root ? ordinaryUser() : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const place = mkdtempSync(join(tmpdir(), 'spark-e2e-user-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    const copy = join(place, 'project');
    const home = join(place, 'home');
    const source = fileURLToPath(new URL('../..', import.meta.url));
    mkdirSync(copy);
    for (const name of ['bin', 'dist', 'migrations', 'presets', 'package.json'])
      cpSync(join(source, name), join(copy, name), { recursive: true });
    // Programs fetched once (nats-server), as that user would have them in its own cache.
    const cache = join(process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'));
    if (existsSync(cache)) cpSync(cache, join(place, 'cache'), { recursive: true });
    for (const path of [place, copy, join(place, 'cache')]) if (existsSync(path)) chownTree(path, who);
    linkTree(join(source, 'node_modules'), join(copy, 'node_modules'));

    const child = spawn(process.execPath, [join(copy, 'bin/spark.js'), 'start', '--no-demo'], {
      cwd: copy,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: place,
        SPARK_HOME: home,
        SPARK_CACHE: join(place, 'cache'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(root ? who : {}),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      await eventually(
        () => {
          expect(child.exitCode, output).toBeNull();
          expect(existsSync(endpointsFile(home)), output).toBe(true);
        },
        { timeoutMs: 90_000 },
      );
      const { http, token, pids, unityProjects } = JSON.parse(
        readFileSync(endpointsFile(home), 'utf8'),
      ) as Endpoints;
      expect(statSync(endpointsFile(home)).uid).toBe(who.uid);
      for (const [name, pid] of Object.entries(pids))
        expect({ name, uid: statSync(`/proc/${pid}`).uid }).toEqual({ name, uid: who.uid });
      const answer = await fetch(`${http}/v1/commands`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'wait=60' },
        body: JSON.stringify({ type: GENERATE, sessionId: 'user', payload: script('ByUser') }),
      });
      expect(await answer.json()).toMatchObject({ state: 'completed' });
      const written = join(unityProjects['default'] ?? '', 'Assets/ByUser.cs');
      expect(readFileSync(written, 'utf8')).toBe(script('ByUser').code);
      expect(statSync(written).uid).toBe(who.uid);
      child.kill('SIGINT');
      expect(await exited, output).toBe(0);
      await gone(
        Object.values(pids).flatMap((pid) => pid ?? []),
        30_000,
      );
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  });
});

/** `nobody`: a user without rights that every Linux has. */
function ordinaryUser(): { uid: number; gid: number } {
  const [, , uid, gid] = (/^nobody:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** The checkout may lie where another user cannot even look: the same files under a path that is open to it, which keep their owner. */
function linkTree(from: string, to: string): void {
  const linked = spawnSync('cp', ['-al', from, to]);
  if (linked.status === 0) return;
  rmSync(to, { recursive: true, force: true });
  execFileSync('cp', ['-a', from, to]);
}

function chownTree(folder: string, { uid, gid }: { uid: number; gid: number }): void {
  lchownSync(folder, uid, gid);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) chownTree(join(folder, entry.name), { uid, gid });
    else lchownSync(join(folder, entry.name), uid, gid);
}

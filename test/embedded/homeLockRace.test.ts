import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compileEmbedded } from './compiled.js';
import { cleanUp, temporaryFolder } from './support.js';

const STARTERS = 12;

it('given a stale lock, when many processes take it at once, then exactly one holds it', async () => {
  const dist = compileEmbedded(['home.ts']);
  const dir = temporaryFolder();
  writeFileSync(join(dir, 'lock.3'), JSON.stringify({ pid: 2 ** 22 - 1, startedAt: 'gone' }));
  const script = `
    const { acquireHomeLock } = await import(${JSON.stringify(join(dist, 'embedded/homeLock.js'))});
    process.stdout.write('ready\\n');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    try { acquireHomeLock(${JSON.stringify(dir)}); process.stdout.write('held\\n'); }
    catch (error) { process.stdout.write(error.code + '\\n'); }
    setInterval(() => {}, 1000);`;
  const starters = Array.from({ length: STARTERS }, () => {
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    cleanUp(() => {
      starter.kill('SIGKILL');
    });
    return starter;
  });
  await Promise.all(starters.map(nextWord));
  const answers = starters.map(nextWord);
  for (const starter of starters) starter.stdin.write('go\n');
  const words = await Promise.all(answers);
  expect(words.filter((word) => word === 'held')).toHaveLength(1);
  expect(words.filter((word) => word === 'home_in_use')).toHaveLength(STARTERS - 1);
}, 30_000);

async function nextWord(starter: ChildProcess): Promise<string> {
  if (starter.stdout === null) throw new Error('no output');
  const [chunk]: unknown[] = await once(starter.stdout, 'data');
  return String(chunk).trim();
}

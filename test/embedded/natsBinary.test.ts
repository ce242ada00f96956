import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findNatsBinary } from '../../src/embedded/natsBinary.js';
import { temporaryFolder } from './support.js';

describe('finding a nats-server', () => {
  it('given an explicit path, then nothing else is looked at', async () => {
    const dir = temporaryFolder();
    const explicitPath = program(join(dir, 'mine'), '2.16.0');
    const found = await findNatsBinary({ explicitPath, cacheDir: join(dir, 'none'), env: {} });
    expect(found).toEqual({ path: explicitPath, version: '2.16.0', source: 'explicit' });
  });

  it('given an explicit path that is too old, then it is refused with the reason', async () => {
    const explicitPath = program(temporaryFolder(), '2.9.10');
    const finding = findNatsBinary({ explicitPath, cacheDir: temporaryFolder(), env: {} });
    await expect(finding).rejects.toMatchObject({ code: 'nats_too_old' });
    await expect(finding).rejects.toThrow('2.9.10');
  });

  it('given one on PATH that is new enough, then it comes before the cache', async () => {
    const [bin, cacheDir] = [temporaryFolder(), temporaryFolder()];
    program(bin, '2.14.0');
    program(cacheDir, '2.15.1');
    const found = await findNatsBinary({ cacheDir, env: { PATH: `/nowhere:${bin}` } });
    expect(found).toMatchObject({ version: '2.14.0', source: 'path' });
  });

  it('given one on PATH that is too old, then the cache serves', async () => {
    const [bin, cacheDir] = [temporaryFolder(), temporaryFolder()];
    program(bin, '2.9.10');
    program(cacheDir, '2.15.1');
    const found = await findNatsBinary({ cacheDir, env: { PATH: bin } });
    expect(found).toMatchObject({ version: '2.15.1', source: 'cache' });
  });

  it('given none and no apt, then it says what was tried and how to go on', async () => {
    const bin = temporaryFolder();
    program(bin, '2.9.10');
    const finding = findNatsBinary({ cacheDir: temporaryFolder(), env: { PATH: bin } });
    await expect(finding).rejects.toMatchObject({ code: 'nats_binary_missing' });
    await expect(finding).rejects.toThrow(/is 2\.9\.10[\s\S]*docker run/);
  });
});

function program(dir: string, version: string): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'nats-server');
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`, { mode: 0o755 });
  return path;
}

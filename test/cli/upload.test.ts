import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sizeText } from '../../src/cli/text.js';
import { LIMITS } from '../../src/commands/limits.js';
import { sha256 } from '../../src/core/ids.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';
import { png, wav } from '../support/sampleFiles.js';
import { spark } from './runSpark.js';

let http: Harness;
const folder = mkdtempSync(join(tmpdir(), 'spark-cli-upload-'));
beforeAll(async () => {
  http = await startHarness();
});
afterAll(async () => {
  await http.server.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => http.uploads.objects.clear());

const file = (name: string, bytes: Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const run = (argv: string[], token = TOKEN) =>
  spark(['upload', ...argv], { url: http.server.address().url, token });

describe('spark upload', () => {
  it('given a picture, then it is posted as what its name says, and the next step is told', async () => {
    const ran = await run([file('Hero.png', png())]);
    expect(ran).toMatchObject({ exitCode: 0, err: '' });
    expect(ran.out).toContain(`Uploads/${sha256(png())}.png`);
    expect(ran.out).toContain('spark submit unity.ingest_asset');
    expect(http.uploads.objects.has(sha256(png()))).toBe(true);
  });

  it('given --json and a large file, then the receipt alone is printed and every byte has arrived', async () => {
    const bytes = wav(5_000_000);
    const ran = await run([file('take.wav', bytes), '--json']);
    const receipt = { upload: sha256(bytes), file: `Uploads/${sha256(bytes)}.wav`, bytes: bytes.length };
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.out)).toEqual({ ...receipt, mime: 'audio/wav' });
    expect(http.uploads.objects.get(sha256(bytes))?.byteLength).toBe(bytes.length);
  });

  it('given a name that says nothing, then --mime says it; without, 2 and the types that are taken', async () => {
    const path = file('notes', Buffer.from('hello'));
    expect(await run([path, '--mime', 'text/plain'])).toMatchObject({ exitCode: 0 });
    expect(await run([path])).toMatchObject({ exitCode: 2, err: expect.stringContaining('image/png') });
  });

  it('given bytes that are something else, then 1 and what they are', async () => {
    const ran = await run([file('fake.png', wav()), '--json']);
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.out).error).toMatchObject({ code: 'mime_mismatch', status: 422 });
  });

  it('given a token without the scope, then 1', async () => {
    expect(await run([file('Hero.png', png())], READ_TOKEN)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('asset:write'),
    });
  });

  it('given no such file, a folder, or one that is too large, then 2 before anything is sent', async () => {
    const large = file('large.wav', wav(LIMITS.uploadBytes));
    for (const path of [join(folder, 'none.png'), folder, large])
      expect(await run([path])).toMatchObject({ exitCode: 2 });
    expect(http.uploads.objects.size).toBe(0);
  });

  it('given nobody at the other end, then 3', async () => {
    const ran = await spark(['upload', file('Hero.png', png())], { url: 'http://127.0.0.1:9', token: TOKEN });
    expect(ran.exitCode).toBe(3);
  });
});

describe('a size for people', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_536, '1.5 KB'],
    [LIMITS.uploadBytes, '50 MB'],
  ])('%d is %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));
});

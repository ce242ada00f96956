import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/ids.js';
import type { UploadStore } from '../../../src/http/uploadPort.js';
import type { Uploads } from '../../../src/workers/ports.js';

const MIB = 1024 * 1024;
const never = new AbortController().signal;

/** What any store of posted files must do: `store` is the side of the HTTP role, `uploads` that of the worker. */
export function uploadSuite(what: string, open: () => { store: UploadStore; uploads: Uploads }): void {
  describe(`the upload store (${what})`, () => {
    it.each([
      ['one byte', 1],
      ['just one chunk', MIB / 2],
      ['a byte more than a chunk', MIB / 2 + 1],
      ['many chunks', 5 * MIB + 7],
    ])('brings back %s byte for byte', async (_what, size) => {
      const { store, uploads } = open();
      const bytes = randomBytes(size);
      expect(await store.put(sha256(bytes), bytes)).toEqual({ kind: 'stored' });
      const read = await uploads.get(sha256(bytes), size, never);
      expect(read).toMatchObject({ state: 'present', sha256: sha256(bytes) });
      expect(read.state === 'present' && Buffer.compare(read.bytes, bytes)).toBe(0);
    });

    it('knows what it does not have', async () => {
      expect(await open().uploads.get(sha256(randomBytes(8)), MIB, never)).toEqual({ state: 'absent' });
    });

    it('refuses what is larger than the one who asks can take', async () => {
      const { store, uploads } = open();
      const bytes = randomBytes(1_000);
      await store.put(sha256(bytes), bytes);
      expect(await uploads.get(sha256(bytes), 999, never)).toMatchObject({
        state: 'refused',
        code: 'file_too_large',
      });
    });

    it('takes the same content again, at once and later, with the same answer', async () => {
      const { store, uploads } = open();
      const bytes = randomBytes(MIB);
      const put = () => store.put(sha256(bytes), bytes);
      expect(await Promise.all([put(), put(), put()])).toEqual(Array(3).fill({ kind: 'stored' }));
      expect(await put()).toEqual({ kind: 'stored' });
      expect(await uploads.get(sha256(bytes), MIB, never)).toMatchObject({ state: 'present' });
    });
  });
}

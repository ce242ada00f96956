import { sha256 } from '../../src/core/ids.js';
import type { UploadPut, UploadStore } from '../../src/http/uploadPort.js';
import type { FileRead } from '../../src/workers/editor.js';
import type { Uploads } from '../../src/workers/ports.js';

/** Posted files in memory, both sides of the store. */
export class MemoryUploads implements Uploads, UploadStore {
  readonly objects = new Map<string, Uint8Array>();
  /** Told instead of storing. */
  answer: UploadPut | undefined;
  away = false;

  async put(sha: string, bytes: Uint8Array): Promise<UploadPut> {
    if (this.answer) return this.answer;
    this.objects.set(sha, bytes);
    return { kind: 'stored' };
  }

  /** Stores without a post; says under which hash. */
  add(bytes: Uint8Array): string {
    const sha = sha256(bytes);
    this.objects.set(sha, bytes);
    return sha;
  }

  async get(sha: string, maxBytes: number): Promise<FileRead> {
    if (this.away) return { state: 'away', reason: 'the upload store is away', retryAfterMs: 10 };
    const bytes = this.objects.get(sha);
    if (!bytes) return { state: 'absent' };
    if (bytes.byteLength > maxBytes)
      return { state: 'refused', code: 'file_too_large', message: `${bytes.byteLength} > ${maxBytes}` };
    return { state: 'present', bytes, sha256: sha };
  }
}

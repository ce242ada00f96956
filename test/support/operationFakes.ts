import { sha256, uuidFrom } from '../../src/core/ids.js';
import type { Images } from '../../src/http/ports.js';
import type { OperationDetail } from '../../src/http/readPort.js';

/** Bytes by sha-256. */
export class FakeImages implements Images {
  readonly stored = new Map<string, Uint8Array>();

  async get(sha256: string) {
    return this.stored.get(sha256);
  }
  async put(images: readonly { readonly sha256: string; readonly bytes: Uint8Array }[]) {
    for (const { sha256, bytes } of images) this.stored.set(sha256, bytes);
  }
}

/** An operation as the read model has it, the newest first by its number. */
export function operationRow(n: number, over: Partial<OperationDetail> = {}): OperationDetail {
  const image = { sha256: sha256(`text ${n}`), bytes: `text ${n}`.length, meta: null };
  return {
    operationId: uuidFrom('operation', n),
    unitId: null,
    commandId: uuidFrom('command', n),
    ts: '2030-01-01T00:00:00.000Z',
    sessionId: 's1',
    editor: 'default',
    path: 'Assets/A.cs',
    tool: 'unity.generate_script',
    beforeSha256: null,
    afterSha256: image.sha256,
    beforeBytes: null,
    afterBytes: image.bytes,
    state: 'applied',
    stateCommandId: uuidFrom('command', n),
    stateTs: '2030-01-01T00:00:00.000Z',
    place: { seq: n, ordinal: 0 },
    before: null,
    after: image,
    ...over,
  };
}

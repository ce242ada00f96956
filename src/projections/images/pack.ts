import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync } from 'node:zlib';

const DEFLATE_LEVEL = 3;
/** Below it, handing the work to another thread costs more than the work. */
const SYNC_MAX_BYTES = 4 * 1_024;

const deflate = promisify(deflateRaw);

/**
 * Raw deflate, the same bytes for the same input. The window is as large as the input needs: a default one of 268 KB is cleared for every
 * file, and for scripts of a few KB that was half of what the whole projector did (measured at 900 bytes an image: 20 CPU-s of 45).
 */
export async function pack(bytes: Uint8Array): Promise<Buffer> {
  const windowBits = Math.min(15, Math.max(9, Math.ceil(Math.log2(bytes.length + 1))));
  const options = { level: DEFLATE_LEVEL, windowBits, memLevel: Math.min(8, windowBits - 7) };
  return bytes.length <= SYNC_MAX_BYTES ? deflateRawSync(bytes, options) : deflate(bytes, options);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, pause } from '../core/clock.js';
import { HTTP_LIMITS } from './limits.js';

export type Body =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'too_large' }
  /** The client went away: there is nobody to answer. */
  | { readonly kind: 'aborted' };

/** A request's body, never more than `limitBytes` of it in memory; reading stops where the limit is passed, or at `stop` (as `aborted`). */
export function readBody(req: IncomingMessage, limitBytes: number, stop?: AbortSignal): Promise<Body> {
  if (Number(req.headers['content-length'] ?? 0) > limitBytes) return Promise.resolve({ kind: 'too_large' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const finish = (body: Body) => {
      req.off('data', onData).off('end', onEnd).off('close', onClose);
      stop?.removeEventListener('abort', onStop);
      resolve(body);
    };
    const onData = (chunk: Buffer) => {
      total += chunk.length;
      if (total > limitBytes) {
        req.pause();
        finish({ kind: 'too_large' });
      } else chunks.push(chunk);
    };
    const onEnd = () => {
      const [only] = chunks;
      finish({ kind: 'read', bytes: chunks.length === 1 && only ? only : Buffer.concat(chunks, total) });
    };
    const onClose = () => finish({ kind: 'aborted' });
    const onStop = () => {
      req.pause();
      finish({ kind: 'aborted' });
    };
    stop?.addEventListener('abort', onStop, { once: true });
    req.on('data', onData).on('end', onEnd).on('close', onClose);
    req.on('error', () => {});
  });
}

/**
 * Answers while the client is still sending. Closing at once would reset the connection and may take the answer with it, so
 * the answer goes out whole, and what still comes is thrown away for a short while before the end.
 */
export async function answerAndLinger(
  req: IncomingMessage,
  res: ServerResponse,
  clock: Clock,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<void> {
  res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' });
  res.write(body);
  const over = new AbortController();
  const end = () => over.abort();
  let left: number = HTTP_LIMITS.lingerBytes;
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left <= 0) end();
  });
  req.once('end', end).once('close', end).once('error', end);
  req.resume();
  if (!req.readableEnded && !req.destroyed) await pause(clock, HTTP_LIMITS.lingerMs, over.signal);
  res.end();
}

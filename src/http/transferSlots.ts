import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../core/clock.js';
import { takesGzip } from './compression.js';
import { HTTP_LIMITS } from './limits.js';
import { draft, ProblemError } from './problem.js';
import { watchPace } from './watchPace.js';

export interface TransferSlots {
  /** For `onRequest`, after the scopes: takes a slot before the body is read, and cuts off a body that comes too slowly. */
  take(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Keeps the request's slot until the work has ended, even if its client goes away. */
  during<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T>;
}

/** For routes that hold tens of megabytes: `importsAtOnce` of them, each until its answer is out and its work has ended. */
export function createTransferSlots(clock: Clock): TransferSlots {
  let taken = 0;
  const holders = new WeakMap<IncomingMessage, number>();
  const hold = (request: IncomingMessage) => holders.set(request, (holders.get(request) ?? 0) + 1);
  const letGo = (request: IncomingMessage) => {
    const left = (holders.get(request) ?? 1) - 1;
    holders.set(request, left);
    if (left === 0) taken--;
  };
  return {
    take: async ({ raw, method }, reply) => {
      if (taken >= HTTP_LIMITS.importsAtOnce)
        throw new ProblemError(
          draft('unavailable', 'other exports and imports are under way', { retryAfterMs: 1_000 }),
        );
      // Its 'close' has been: nobody would give the slot back.
      if (reply.raw.destroyed) throw gone();
      taken++;
      hold(raw);
      reply.raw.once('close', () => letGo(raw));
      if (method !== 'POST') return;
      const { socket } = raw;
      const stop = watchPace(
        clock,
        () => socket.bytesRead,
        () => raw.destroy(),
      );
      raw.once('end', stop);
      reply.raw.once('close', stop);
    },
    during: async ({ raw }, work) => {
      if (!holders.get(raw)) throw gone();
      hold(raw);
      try {
        return await work();
      } finally {
        letGo(raw);
      }
    },
  };
}

const gone = () => new ProblemError(draft('bad_request', 'the client has gone'));

/** A large JSON answer piece by piece: a reader that takes it too slowly is cut off. */
export function sendPaced(
  clock: Clock,
  request: FastifyRequest,
  reply: FastifyReply,
  document: unknown,
): FastifyReply {
  const bytes = Buffer.from(JSON.stringify(document));
  let sent = 0;
  function* pieces(): Iterable<Buffer> {
    while (sent < bytes.byteLength) {
      const piece = bytes.subarray(sent, sent + HTTP_LIMITS.exportChunkBytes);
      sent += piece.byteLength;
      yield piece;
    }
  }
  const stop = watchPace(
    clock,
    () => sent,
    () => reply.raw.destroy(),
  );
  reply.raw.once('close', stop);
  if (reply.raw.destroyed) stop();
  reply.type('application/json; charset=utf-8').header('vary', 'accept-encoding');
  const plain = Readable.from(pieces(), { objectMode: false, highWaterMark: HTTP_LIMITS.exportChunkBytes });
  if (!takesGzip(request)) return reply.send(plain);
  return reply.header('content-encoding', 'gzip').send(plain.pipe(createGzip({ level: 4 })));
}

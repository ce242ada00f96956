import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.js';

const compress = promisify(gzip);
/** Below this the saving is not worth the thread hop (product.md section 8). */
const MIN_BYTES = 1_024;
/** Most of the gain of the default level at a third of its time. */
const LEVEL = 4;
const SUFFIX = '--gzip"';

/**
 * Answers to `GET` in JSON above 1 KB go out as gzip where the client takes it. A strong ETag names bytes, so the compressed ones have
 * their own (`"…--gzip"`), and either is recognised when it comes back.
 */
export function registerCompression(app: App): void {
  const holdsZipped = new WeakSet<FastifyRequest>();
  app.addHook('onRequest', async (request) => {
    const given = request.headers['if-none-match'];
    if (!given?.includes(SUFFIX)) return;
    holdsZipped.add(request);
    request.headers['if-none-match'] = given.replaceAll(SUFFIX, '"');
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET') return payload;
    if (reply.statusCode === 304 && holdsZipped.has(request)) rename(reply);
    if (typeof payload !== 'string' || !isJson(reply)) return payload;
    reply.header('vary', 'accept-encoding');
    if (!takesGzip(request) || Buffer.byteLength(payload) <= MIN_BYTES) return payload;
    reply.header('content-encoding', 'gzip');
    reply.removeHeader('content-length');
    rename(reply);
    return await compress(payload, { level: LEVEL });
  });
}

function rename(reply: FastifyReply): void {
  const etag = reply.getHeader('etag');
  if (typeof etag === 'string' && etag.startsWith('"')) reply.header('etag', `${etag.slice(0, -1)}${SUFFIX}`);
}

const isJson = (reply: FastifyReply): boolean =>
  /^application\/(?:[a-z.]+\+)?json/.test(String(reply.getHeader('content-type') ?? ''));

/** Whether `Accept-Encoding` names gzip (or anything) with a weight above 0. */
export function takesGzip({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const offers = String(headers['accept-encoding'] ?? '').split(',');
  const weightOf = (name: string): number | undefined => {
    const offer = offers
      .map((text) => text.trim().toLowerCase())
      .find((text) => text.split(';')[0]?.trim() === name);
    if (offer === undefined) return undefined;
    const weight = /;\s*q=([0-9.]+)/.exec(offer)?.[1];
    return weight === undefined ? 1 : Number(weight);
  };
  return (weightOf('gzip') ?? weightOf('*') ?? 0) > 0;
}

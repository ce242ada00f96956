import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LIMITS } from '../../commands/limits.js';
import type { Clock } from '../../core/clock.js';
import { sha256 } from '../../core/ids.js';
import { type App, needs } from '../app.js';
import { HTTP_LIMITS } from '../limits.js';
import { draft, headersOf, type ProblemDraft, ProblemError, problemOf } from '../problem.js';
import { answerAndLinger, readBody } from '../readBody.js';
import { contextOf } from '../requestContext.js';
import { answers } from '../responses.js';
import { bytesProblem, claimedMime, UPLOAD_MIMES } from '../uploadMedia.js';
import type { AdmitUpload, UploadRefusal, UploadStore } from '../uploadPort.js';
import { watchPace } from '../watchPace.js';

export const UPLOAD_ROUTE = '/v1/uploads';

const receipt = z
  .object({
    upload: z.string().describe('Its sha-256: `source.upload` of unity.ingest_asset'),
    file: z.string().describe('`Uploads/<sha256>.<ext>`: `source.file`, or `path` of cv.* and asr.*'),
    bytes: z.int(),
    mime: z.string(),
  })
  .describe('Stored, until it expires; the same bytes again are the same upload');

/** `POST /v1/uploads`: raw bytes in, a name for commands out. Holds at most `uploadsHeldBytes` in memory at once, of `uploadsAtOnce`. */
export function registerUploads(
  app: App,
  deps: { readonly uploads: UploadStore; readonly admit: AdmitUpload; readonly clock: Clock },
): void {
  const held: Held = { uploads: 0, bytes: 0 };
  app.register(async (scope) => {
    // Whatever the type, the route reads the body itself, so that JSON is a file here like any other.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.post(
      UPLOAD_ROUTE,
      {
        onRequest: needs('asset:write'),
        schema: {
          summary: 'Post a file for commands to take in',
          description: `The raw bytes, at most ${LIMITS.uploadBytes}; Content-Type says what they are: ${UPLOAD_MIMES.join(', ')}.`,
          tags: ['uploads'],
          response: answers({ 201: receipt }, [400, 408, 413, 415, 422, 429, 503, 507]),
        },
      },
      async (request, reply) => {
        const claimed = claimedMime(request.headers['content-type']);
        if (!claimed.ok) return refuse(request, reply, claimed.problem, deps.clock);
        if (held.uploads >= HTTP_LIMITS.uploadsAtOnce || held.bytes >= HTTP_LIMITS.uploadsHeldBytes)
          return refuse(request, reply, tooMany(), deps.clock);
        const refusal = deps.admit(contextOf(request.raw).principal?.name ?? '');
        if (refusal) return refuse(request, reply, tooOften(refusal), deps.clock);
        held.uploads++;
        const mine = { bytes: 0 };
        try {
          const bytes = await receive(request.raw, reply.raw, deps.clock, held, mine);
          if (bytes === 'aborted') return reply.hijack();
          if (bytes instanceof Uint8Array) return await store(deps.uploads, bytes, claimed, reply);
          // Nothing of it is in memory while the answer lingers.
          held.bytes -= mine.bytes;
          mine.bytes = 0;
          return await refuse(request, reply, WHY_NOT[bytes](), deps.clock);
        } finally {
          held.uploads--;
          held.bytes -= mine.bytes;
        }
      },
    );
  });
}

interface Held {
  uploads: number;
  bytes: number;
}

/** Without a declared length it may be anything up to the limit. */
function declaredBytes(req: IncomingMessage): number {
  const declared = Number(req.headers['content-length'] ?? Number.NaN);
  return Number.isFinite(declared) ? declared : LIMITS.uploadBytes;
}

type Unread = 'too_large' | 'no_room' | 'too_slow';

/** The body, counted as it comes: what it claims to be reserves nothing. */
async function receive(
  req: IncomingMessage,
  res: ServerResponse,
  clock: Clock,
  held: Held,
  mine: { bytes: number },
): Promise<Uint8Array | Unread | 'aborted'> {
  // A client that asked first has waited until here: token, type and room are settled.
  if (/^100-continue$/i.test(req.headers.expect ?? '') && declaredBytes(req) <= LIMITS.uploadBytes)
    res.writeContinue();
  const stop = new AbortController();
  let why: Unread | undefined;
  const end = (reason: Unread) => {
    why ??= reason;
    stop.abort();
  };
  const count = (chunk: Buffer) => {
    mine.bytes += chunk.length;
    held.bytes += chunk.length;
    if (held.bytes > HTTP_LIMITS.uploadsHeldBytes) end('no_room');
  };
  const stopWatching = watchPace(
    clock,
    () => mine.bytes,
    () => end('too_slow'),
  );
  const reading = readBody(req, LIMITS.uploadBytes, stop.signal);
  req.on('data', count);
  const body = await reading;
  req.off('data', count);
  stopWatching();
  return why ?? (body.kind === 'read' ? body.bytes : body.kind);
}

async function store(
  uploads: UploadStore,
  bytes: Uint8Array,
  { mime, extension }: { readonly mime: string; readonly extension: string },
  reply: FastifyReply,
): Promise<FastifyReply> {
  const problem = bytesProblem(mime, bytes);
  if (problem) throw new ProblemError(problem);
  const upload = sha256(bytes);
  const put = await uploads.put(upload, bytes);
  switch (put.kind) {
    case 'stored':
      return reply
        .code(201)
        .send({ upload, file: `Uploads/${upload}${extension}`, bytes: bytes.byteLength, mime });
    case 'full':
      throw new ProblemError(
        draft('uploads_full', 'the upload store has reached its size limit (SPARK_UPLOADS_MAX_BYTES)', {
          retryAfterMs: HTTP_LIMITS.uploadsFullRetryMs,
        }),
      );
    case 'unavailable':
      throw new ProblemError(
        draft('unavailable', `the upload could not be stored: ${put.reason}`, { retryAfterMs: 1_000 }),
      );
  }
}

/** Answers while the client may still be sending: what comes is thrown away for a while, so that it can read the answer. */
async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: ProblemDraft,
  clock: Clock,
): Promise<FastifyReply> {
  reply.hijack();
  const body = JSON.stringify(problemOf(problem, contextOf(request.raw).traceId));
  await answerAndLinger(request.raw, reply.raw, clock, problem.status, headersOf(problem), body);
  return reply;
}

function tooLarge(): ProblemDraft {
  return draft('payload_too_large', `a file of more than ${LIMITS.uploadBytes} bytes is not taken`, {
    errors: [{ pointer: '', message: 'the file is too large', limit: LIMITS.uploadBytes, unit: 'bytes' }],
  });
}

function tooSlow(): ProblemDraft {
  const { paceWindowBytes, paceWindowMs } = HTTP_LIMITS;
  return draft(
    'too_slow',
    `fewer than ${paceWindowBytes} bytes came within ${paceWindowMs / 1_000} s: send the file over a faster line`,
    { errors: [{ pointer: '', message: 'the body came too slowly', limit: paceWindowBytes, unit: 'bytes' }] },
  );
}

function tooOften({ limit, count, windowSeconds, retryAfterMs }: UploadRefusal): ProblemDraft {
  const text = `more than ${count} files in ${windowSeconds} s: the limit "${limit}"; send it again after Retry-After`;
  return draft('rate_limited', text, { retryAfterMs, rateLimit: { limit, count, windowSeconds } });
}

function tooMany(): ProblemDraft {
  return draft('uploads_busy', 'too many uploads are being received at once', { retryAfterMs: 1_000 });
}

const WHY_NOT: Readonly<Record<Unread, () => ProblemDraft>> = {
  too_large: tooLarge,
  no_room: tooMany,
  too_slow: tooSlow,
};

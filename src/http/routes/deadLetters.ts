import { z } from 'zod';
import { type App, freshness, needs, withFreshness } from '../app.js';
import type { ReadModels } from '../readPort.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';
import { listLimit } from './commands.js';

const deadLetter = z.object({
  id: z.string(),
  ts: z.string(),
  reason: z.string(),
  attempts: z.int(),
  lastError: z.string(),
  originalSubject: z.string(),
  commandId: z.string().nullable(),
  sessionId: z.string().nullable(),
  editor: z.string().nullable(),
  body: z.string(),
  bodyEncoding: z.enum(['utf8', 'base64']),
  bodyTruncated: z.boolean(),
});

/** `GET /v1/dead-letters`. */
export function registerDeadLetters(app: App, deps: { readonly reads: ReadModels }): void {
  app.get(
    '/v1/dead-letters',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'What failed for good, newest first',
        tags: ['dead letters'],
        querystring: z.strictObject({ sessionId: token.optional(), limit: listLimit }),
        response: answers({ 200: z.object({ items: z.array(deadLetter), freshness }) }, [422, 503]),
      },
    },
    async (request, reply) =>
      reply.send(await withFreshness(deps.reads, deps.reads.deadLetters(request.query))),
  );
}

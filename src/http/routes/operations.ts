import { z } from 'zod';
import { type App, freshness, needs, withFreshness } from '../app.js';
import { goneSignal } from '../hotPath.js';
import { HTTP_LIMITS } from '../limits.js';
import type { Feed } from '../ports.js';
import type { ReadModels } from '../readPort.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';
import { listLimit } from './commands.js';

const operation = z.object({
  operationId: z.string(),
  ts: z.string(),
  sessionId: z.string(),
  editor: z.string(),
  path: z.string(),
  tool: z.string(),
  beforeSha256: z.string().nullable(),
  afterSha256: z.string().nullable(),
  state: z.enum(['applied', 'undone', 'conflict']),
});

/** `GET /v1/sessions/{id}/operations`: the undo log. */
export function registerOperations(
  app: App,
  deps: { readonly reads: ReadModels; readonly feed: Feed },
): void {
  app.get(
    '/v1/sessions/:id/operations',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'The undo log of a session, newest first',
        tags: ['sessions'],
        params: z.object({ id: token }),
        querystring: z.strictObject({ limit: listLimit }),
        response: answers({ 200: z.object({ items: z.array(operation), freshness }) }, [422, 503]),
      },
    },
    async (request, reply) => {
      // Whoever has just undone something wants to see it undone: wait a moment for what this process knows to have happened.
      await deps.reads
        .waitForSeq(deps.feed.lastSeq(), HTTP_LIMITS.listCatchUpMs, goneSignal(reply.raw))
        .catch(() => undefined);
      return reply.send(
        await withFreshness(
          deps.reads,
          deps.reads.operationsOfSession(request.params.id, request.query.limit),
        ),
      );
    },
  );
}

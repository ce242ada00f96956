import { z } from 'zod';
import { messageOf } from '../../core/errors.js';
import type { Logger } from '../../observability/logger.js';
import { type App, needs } from '../app.js';
import type { Feed } from '../ports.js';
import { draft, ProblemError } from '../problem.js';
import type { ReadModels } from '../readPort.js';
import { contextOf, setCommonHeaders } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { rawAnswers } from '../responses.js';
import { streamSession } from '../sessionStream.js';
import type { SseHub } from '../sseHub.js';

export interface SessionEventDeps {
  readonly feed: Feed;
  readonly reads: ReadModels;
  readonly hub: SseHub;
  readonly logger: Logger;
}

const eventId = z
  .string()
  .regex(/^\d{1,16}$/, 'must be the id of an event: a whole number')
  .transform(Number);

/** `GET /v1/sessions/{id}/events`: history and then the live feed, without a gap, as server-sent events. */
export function registerSessionEvents(app: App, deps: SessionEventDeps): void {
  app.get(
    '/v1/sessions/:id/events',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'The events of a session, live (server-sent events)',
        description:
          'From its first event (`from=latest`: from now on), or from behind `Last-Event-ID`. `id` is the seq, `event` the type, `data` the body as JSON. `event: reset` says that what you have is not gap-free: read the state again.',
        tags: ['sessions'],
        params: z.object({ id: token }),
        querystring: z.strictObject({
          from: z.enum(['beginning', 'latest']).default('beginning'),
          lastEventId: eventId.optional(),
        }),
        response: rawAnswers('The stream', ['text/event-stream'], [422, 503]),
      },
    },
    async (request, reply) => {
      const after = lastEventId(request.headers['last-event-id']) ?? request.query.lastEventId;
      if (deps.hub.full)
        throw new ProblemError(
          draft('too_many_streams', 'this process has no room for another event stream', {
            retryAfterMs: 5_000,
          }),
        );
      reply.hijack();
      const context = contextOf(request.raw);
      context.streaming = true;
      setCommonHeaders(reply.raw, context);
      const { client, signal } = deps.hub.add(reply.raw);
      const wanted = { sessionId: request.params.id, after, fromLatest: request.query.from === 'latest' };
      try {
        await streamSession(deps, wanted, client, signal);
      } catch (error) {
        deps.logger.error({ err: error, sessionId: wanted.sessionId }, 'an event stream broke');
        client.reset('internal', messageOf(error), 'live');
        client.end();
      }
    },
  );
}

/** Browsers send the header by themselves when they reconnect, so it is newer than the address. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  const parsed = eventId.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new ProblemError(
    draft('schema_violation', 'Last-Event-ID is no id of ours', {
      errors: [{ pointer: '/headers/last-event-id', message: 'must be the id of an event: a whole number' }],
    }),
  );
}

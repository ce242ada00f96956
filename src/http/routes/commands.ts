import { createHash } from 'node:crypto';
import { z } from 'zod';
import { UUID_PATTERN } from '../../core/ids.js';
import { isTerminal } from '../../events/outcome.js';
import { type App, freshness, needs, withFreshness } from '../app.js';
import { awaitOutcome, type LookupPorts, lookUp } from '../commandLookup.js';
import { type CommandView, commandState, commandView, viewOfRow } from '../commandView.js';
import { goneSignal } from '../hotPath.js';
import { HTTP_LIMITS } from '../limits.js';
import { preferredWaitMs } from '../prefer.js';
import { draft, ProblemError } from '../problem.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';

export const listLimit = z.coerce
  .number()
  .pipe(z.int().min(1).max(HTTP_LIMITS.listMax))
  .default(HTTP_LIMITS.listDefault);

export interface CommandRouteDeps {
  readonly lookup: LookupPorts;
  readonly stopping: AbortSignal;
}

/** `GET /v1/commands` and `GET /v1/commands/{id}`. */
export function registerCommandRoutes(app: App, deps: CommandRouteDeps): void {
  app.get(
    '/v1/commands/:id',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'A command and what became of it',
        description:
          'Never older than what this server has accepted. `Prefer: wait=10` waits for the outcome; `ETag` and `If-None-Match` save the body.',
        tags: ['commands'],
        params: z.object({ id: z.string() }),
        response: answers({ 200: commandView }, [404, 503]),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const waitMs = preferredWaitMs(request.headers['prefer']);
      let view = await find(deps.lookup, id);
      if (waitMs > 0 && !isTerminal(view.state)) {
        const signal = AbortSignal.any([deps.stopping, goneSignal(reply.raw)]);
        view = (await awaitOutcome(deps.lookup, id, waitMs, signal)) ?? (await find(deps.lookup, id));
      }
      const text = JSON.stringify(view);
      const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
      reply.headers({ etag, 'cache-control': 'private, no-cache' });
      if (waitMs > 0 && isTerminal(view.state)) reply.header('preference-applied', 'wait');
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );

  app.get(
    '/v1/commands',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'Commands, newest first',
        tags: ['commands'],
        querystring: z.strictObject({
          sessionId: token.optional(),
          state: commandState.optional(),
          editor: token.optional(),
          limit: listLimit,
        }),
        response: answers({ 200: z.object({ items: z.array(commandView), freshness }) }, [422, 503]),
      },
    },
    async (request, reply) => {
      const list = await withFreshness(deps.lookup.reads, deps.lookup.reads.listCommands(request.query));
      const items = list.items.map((row) => viewOfRow(row, list.freshness.source));
      return reply.send({ items, freshness: list.freshness });
    },
  );
}

async function find(ports: LookupPorts, commandId: string): Promise<CommandView> {
  const found = UUID_PATTERN.test(commandId) ? await lookUp(ports, commandId) : { kind: 'unknown' as const };
  if (found.kind === 'found') return found.view;
  if (found.kind === 'unknown')
    throw new ProblemError(draft('not_found', 'there is no command with this id'));
  throw new ProblemError(
    draft('read_models_unavailable', 'nobody who answers knows this command, and the read models are away', {
      retryAfterMs: 1_000,
    }),
    found.cause,
  );
}

export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}

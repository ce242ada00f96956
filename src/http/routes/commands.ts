import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { UUID_PATTERN } from '../../core/ids.js';
import { isTerminal } from '../../events/outcome.js';
import { type App, freshness, needs, readProblem, tellFreshness, withFreshness } from '../app.js';
import { awaitOutcome, type LookupPorts, lookUp } from '../commandLookup.js';
import { type CommandView, commandState, commandView, viewOfRow } from '../commandView.js';
import { goneSignal } from '../hotPath.js';
import { HTTP_LIMITS } from '../limits.js';
import { preferredWaitMs } from '../prefer.js';
import { draft, ProblemError } from '../problem.js';
import { readAfterHeader, readsOf } from '../readAfter.js';
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
        headers: readAfterHeader,
        response: answers({ 200: commandView }, [404, 422, 503]),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const waitMs = preferredWaitMs(request.raw.headers['prefer']);
      const lookup = { ...deps.lookup, reads: await readsOf(deps.lookup.reads, request, reply) };
      let view = await find(lookup, id, reply);
      if (waitMs > 0 && !isTerminal(view.state)) {
        const signal = AbortSignal.any([deps.stopping, goneSignal(reply.raw)]);
        view = (await awaitOutcome(lookup, id, waitMs, signal)) ?? (await find(lookup, id, reply));
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
        headers: readAfterHeader,
        response: answers({ 200: z.object({ items: z.array(commandView), freshness }) }, [422, 503]),
      },
    },
    async (request, reply) => {
      const reads = await readsOf(deps.lookup.reads, request, reply);
      const list = await withFreshness(reads.listCommands(request.query), reply);
      const items = list.items.map((row) => viewOfRow(row, list.freshness.source));
      return reply.send({ items, freshness: list.freshness });
    },
  );
}

async function find(ports: LookupPorts, commandId: string, reply: FastifyReply): Promise<CommandView> {
  const found = UUID_PATTERN.test(commandId) ? await lookUp(ports, commandId) : { kind: 'unknown' as const };
  if (found.kind !== 'unreachable' && found.row) tellFreshness(reply, found.row);
  // Somebody else's word may be newer than the row.
  if (found.kind === 'found') reply.header('spark-read-source', found.view.source);
  if (found.kind === 'found') return found.view;
  if (found.kind === 'unknown')
    throw new ProblemError(draft('not_found', 'there is no command with this id'));
  throw new ProblemError(readProblem(found.cause), found.cause);
}

export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}

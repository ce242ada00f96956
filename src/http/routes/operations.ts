import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuid } from '../../commands/fields.js';
import { LIMITS } from '../../commands/limits.js';
import { deadline } from '../../commands/metaFields.js';
import { unifiedDiff } from '../../core/unifiedDiff.js';
import { type App, freshness, needs, reading, withFreshness } from '../app.js';
import { goneSignal } from '../hotPath.js';
import { HTTP_LIMITS } from '../limits.js';
import type { Feed, Images } from '../ports.js';
import { draft, ProblemError } from '../problem.js';
import { readAfterHeader, readsOf } from '../readAfter.js';
import type { OperationDetail, OperationFilter, ReadModels } from '../readPort.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';
import { listLimit } from './commands.js';

const operation = z.object({
  operationId: z.string(),
  unitId: z.string().nullable().describe('Undone and redone together with the others of this unit'),
  ts: z.string(),
  commandId: z.string(),
  sessionId: z.string(),
  editor: z.string(),
  path: z.string(),
  tool: z.string(),
  beforeSha256: z.string().nullable(),
  afterSha256: z.string().nullable(),
  beforeBytes: z.int().nullable(),
  afterBytes: z.int().nullable(),
  state: z.enum(['applied', 'undone', 'conflict']),
  stateCommandId: z.string().describe('The command that put it into this state'),
  stateTs: z.string(),
});

/** What both lists are searched by. */
const filters = {
  path: z
    .string()
    .min(1)
    .max(LIMITS.pathBytes)
    .optional()
    .describe('Exact, or a prefix that ends in `*`, e.g. `Assets/Game/*`'),
  tool: z.string().min(1).max(100).optional().describe('The command type, e.g. `unity.apply_patch`'),
  editor: token.optional(),
  state: operation.shape.state.optional(),
  since: deadline.optional().describe('Made at or after this moment'),
  until: deadline.optional().describe('Made before this moment'),
  cursor: z
    .string()
    .regex(/^\d{1,16}\.\d{1,9}$/, 'must be the nextCursor of an answer')
    .optional(),
  limit: listLimit,
};
const list = z.object({
  items: z.array(operation),
  nextCursor: z.string().nullable().describe('Older ones: send it as `cursor`; null at the end'),
  freshness,
});

interface Deps {
  readonly reads: ReadModels;
  readonly feed: Feed;
  readonly images: Images;
}

/** `GET /v1/sessions/{id}/operations`, `GET /v1/operations`, `GET /v1/operations/{id}/diff`: the undo log. */
export function registerOperations(app: App, deps: Deps): void {
  app.get(
    '/v1/sessions/:id/operations',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'The undo log of a session, newest first',
        tags: ['sessions'],
        params: z.object({ id: token }),
        querystring: z.strictObject(filters),
        headers: readAfterHeader,
        response: answers({ 200: list }, [422, 503]),
      },
    },
    async (request, reply) => {
      return reply.send(await listed(deps, request, reply, request.query, request.params.id));
    },
  );
  app.get(
    '/v1/operations',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'The undo log of all sessions, newest first',
        tags: ['sessions'],
        querystring: z.strictObject({ session: token.optional(), ...filters }),
        headers: readAfterHeader,
        response: answers({ 200: list }, [422, 503]),
      },
    },
    async (request, reply) => {
      const { session, ...query } = request.query;
      return reply.send(await listed(deps, request, reply, query, session));
    },
  );
  registerDiff(app, deps);
}

/** Whoever has just undone something wants to see it undone: wait a moment for what this process knows to have happened. */
export async function catchUp(
  { reads, feed }: Pick<Deps, 'reads' | 'feed'>,
  gone: AbortSignal,
): Promise<void> {
  await reads.waitForSeq(feed.lastSeq(), HTTP_LIMITS.listCatchUpMs, gone).catch(() => undefined);
}

type Query = Omit<OperationFilter, 'before' | 'sessionId'> & { readonly cursor?: string | undefined };

async function listed(
  deps: Deps,
  request: Pick<FastifyRequest, 'headers'>,
  reply: FastifyReply,
  { cursor, ...query }: Query,
  sessionId: string | undefined,
) {
  await catchUp(deps, goneSignal(reply.raw));
  const reads = await readsOf(deps.reads, request, reply);
  const [seq, ordinal] = cursor === undefined ? [] : cursor.split('.').map(Number);
  const before = seq === undefined || ordinal === undefined ? undefined : { seq, ordinal };
  const answer = await withFreshness(reads.listOperations({ ...query, sessionId, before }), reply);
  const last = answer.items.length === query.limit ? answer.items.at(-1) : undefined;
  return {
    items: answer.items.map(viewOf),
    nextCursor: last ? `${last.place.seq}.${last.place.ordinal}` : null,
    freshness: answer.freshness,
  };
}

function viewOf({ place: _place, before: _before, after: _after, ...row }: OperationDetail) {
  return row;
}

/** What an operation changed; scripts are not for everybody who may read the log, so it asks for more than `read`. */
function registerDiff(app: App, deps: Deps): void {
  app.get(
    '/v1/operations/:id/diff',
    {
      onRequest: needs('undo'),
      schema: {
        summary: 'What an operation changed, as a unified diff',
        tags: ['sessions'],
        params: z.object({ id: uuid }),
        headers: readAfterHeader,
        response: answers(
          {
            200: operation.extend({
              diff: z.string(),
              cut: z.boolean().describe('The diff is longer than what is shown'),
            }),
          },
          [404, 422, 503],
        ),
      },
    },
    async (request, reply) => {
      await catchUp(deps, goneSignal(reply.raw));
      const reads = await readsOf(deps.reads, request, reply);
      const { data: row } = await reading(reads.operation(request.params.id), reply);
      if (!row) throw new ProblemError(draft('not_found', 'there is no operation with this id'));
      const [before, after] = await Promise.all(
        [row.before, row.after].map((image) => (image ? deps.images.get(image.sha256) : null)),
      );
      if (before === undefined || after === undefined)
        throw new ProblemError(draft('not_found', 'the bytes of this operation are not in the image store'));
      const diff = unifiedDiff(row.path, before, after);
      const cut = diff.length > HTTP_LIMITS.diffChars;
      return reply.send({ ...viewOf(row), diff: cut ? diff.slice(0, HTTP_LIMITS.diffChars) : diff, cut });
    },
  );
}

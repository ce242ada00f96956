import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { type App, freshness, needs, reading, withFreshness } from '../app.js';
import { draft, ProblemError } from '../problem.js';
import { readAfterHeader, readsOf } from '../readAfter.js';
import type { DeadLetterActionRow, DeadLetterRow, ReadModels } from '../readPort.js';
import { originalOf, traceIdOf } from '../redrive.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';
import { listLimit } from './commands.js';

const moment = z.iso.datetime({
  offset: true,
  error: 'must be ISO 8601 with a time zone, e.g. 2030-01-31T12:00:00Z',
});

/** What a list, a redrive or a drop is about; also in bodies. */
export const letterFilter = {
  reason: z.string().min(1).max(100).optional(),
  sessionId: token.optional(),
  editor: token.optional(),
  type: z.string().min(1).max(130).optional().describe('The command it asked for, e.g. unity.apply_patch'),
  since: moment.optional().describe('At or after'),
  until: moment.optional().describe('Before'),
};

const state = z.enum(['open', 'redriven', 'dropped']);
const deadLetter = z.object({
  id: z
    .string()
    .describe('`event-{seq}`: an event of the log that could not be projected; it cannot be redriven'),
  source: z.enum(['stream', 'projector']),
  ts: z.string(),
  reason: z.string(),
  attempts: z.int(),
  lastError: z.string(),
  originalSubject: z.string(),
  type: z.string().nullable(),
  commandId: z.string().nullable(),
  sessionId: z.string().nullable(),
  editor: z.string().nullable(),
  body: z.string(),
  bodyEncoding: z.enum(['utf8', 'base64']),
  bodyTruncated: z.boolean(),
  headers: z.record(z.string(), z.string()),
  stream: z.object({ seq: z.int(), index: z.int() }).describe('Where it lay in the command stream'),
  state,
  actedBy: z.string().nullable().describe('Who redrove or dropped it last'),
  redrives: z.int(),
  redrivenAt: z.string().nullable(),
  redrivenAs: z.string().nullable().describe('The command of the newest redrive'),
  droppedAt: z.string().nullable(),
});

const letterDetails = deadLetter.extend({
  payload: z.unknown().optional().describe('The body as JSON; absent where it is none'),
  payloadProblem: z.string().nullable().describe('Why there is no payload'),
  correlationId: z.string().nullable(),
  traceparent: z.string().nullable(),
  traceId: z.string().nullable(),
  actions: z.array(
    z.object({
      at: z.string(),
      action: z.enum(['redriven', 'dropped']),
      actor: z.string(),
      commandId: z.string().nullable(),
      redrive: z.int().nullable(),
    }),
  ),
  links: z.object({
    command: z.string().nullable(),
    events: z.string().nullable(),
    redrivenAs: z.string().nullable(),
  }),
});

/** `GET /v1/dead-letters` and `GET /v1/dead-letters/{id}`. */
export function registerDeadLetters(app: App, deps: { readonly reads: ReadModels }): void {
  app.get(
    '/v1/dead-letters',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'What failed for good, newest first',
        description: '`nextCursor` of a page is the `cursor` of the next one; null: there is none.',
        tags: ['dead letters'],
        querystring: z.strictObject({
          ...letterFilter,
          state: state.optional(),
          limit: listLimit,
          cursor: z.string().max(200).optional(),
        }),
        headers: readAfterHeader,
        response: answers(
          { 200: z.object({ items: z.array(deadLetter), nextCursor: z.string().nullable(), freshness }) },
          [422, 503],
        ),
      },
    },
    async (request, reply) => {
      const { cursor, ...filter } = request.query;
      const after = cursor === undefined ? undefined : readCursor(cursor);
      const reads = await readsOf(deps.reads, request, reply);
      const page = await withFreshness(reads.deadLetters({ ...filter, after }), reply);
      const last = page.items.length === filter.limit ? page.items.at(-1) : undefined;
      return reply.send({ ...page, nextCursor: last ? cursorOf(last) : null });
    },
  );

  app.get(
    '/v1/dead-letters/:id',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'A dead letter with where it came from and what was done about it',
        tags: ['dead letters'],
        params: z.object({ id: z.string() }),
        headers: readAfterHeader,
        response: answers({ 200: letterDetails }, [404, 422, 503]),
      },
    },
    async (request, reply) => {
      const reads = await readsOf(deps.reads, request, reply);
      return reply.send(detailsOf(await findLetter(reads, request.params.id, reply)));
    },
  );
}

export interface FoundLetter {
  readonly letter: DeadLetterRow;
  readonly actions: readonly DeadLetterActionRow[];
}

/** The letter of an id in a path. Throws the 404 or 503. */
export async function findLetter(reads: ReadModels, id: string, reply?: FastifyReply): Promise<FoundLetter> {
  const known = /^(?:event-)?\d{1,16}$/.test(id);
  const found = known ? (await reading(reads.deadLetter(id), reply)).data : undefined;
  if (found) return found;
  throw new ProblemError(draft('not_found', 'there is no dead letter with this id'));
}

function detailsOf({ letter, actions }: FoundLetter): z.infer<typeof letterDetails> {
  const original = originalOf(letter);
  const { payload } = original;
  const problem = {
    read: null,
    truncated: 'the body was longer than a dead letter keeps',
    malformed: payload.kind === 'malformed' ? payload.problem.detail : null,
  }[payload.kind];
  return {
    ...letter,
    ...(payload.kind === 'read' ? { payload: payload.value } : {}),
    payloadProblem: problem,
    correlationId: original.correlationId ?? null,
    traceparent: original.traceparent ?? null,
    traceId: traceIdOf(original),
    actions: actions.map(({ payloadSha: _, ...action }) => action),
    links: {
      command: letter.commandId && `/v1/commands/${letter.commandId}`,
      events: letter.sessionId && `/v1/sessions/${letter.sessionId}/events`,
      redrivenAs: letter.redrivenAs && `/v1/commands/${letter.redrivenAs}`,
    },
  };
}

function cursorOf({ ts, source, id }: DeadLetterRow): string {
  return Buffer.from(`${ts} ${source} ${id}`).toString('base64url');
}

function readCursor(cursor: string): Pick<DeadLetterRow, 'ts' | 'source' | 'id'> {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const match = /^(\d{4}-[\dT:.-]{5,30}Z) (stream|projector) ((?:event-)?\d{1,16})$/.exec(text);
  const [, ts = '', source, id = ''] = match ?? [];
  if (match && !Number.isNaN(Date.parse(ts))) return { ts, source: source as DeadLetterRow['source'], id };
  throw new ProblemError(
    draft('schema_violation', 'the cursor is none of ours', {
      errors: [{ pointer: '/query/cursor', message: 'give the nextCursor of the page before' }],
    }),
  );
}

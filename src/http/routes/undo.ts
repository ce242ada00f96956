import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuid } from '../../commands/fields.js';
import { type App, needs, sendAnswer } from '../app.js';
import { decideRequest } from '../decideRequest.js';
import { goneSignal } from '../hotPath.js';
import type { UndoPlan, WorkerQueries } from '../ports.js';
import { preferredWaitMs } from '../prefer.js';
import { draft, draftOfFailure, ProblemError } from '../problem.js';
import { contextOf, principalOf } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers, outcome, receipt } from '../responses.js';
import { type SubmitDeps, submitOne } from '../submit.js';

export interface UndoDeps extends SubmitDeps {
  readonly queries: WorkerQueries;
  readonly stopping: AbortSignal;
}

type Direction = 'undo' | 'redo' | 'rollback';

const body = z.strictObject({
  operationId: uuid.optional().describe('The newest that can be, when absent'),
  editor: token.optional(),
  dryRun: z.boolean().optional().describe('Only say what would change'),
});

export const plan = z
  .object({
    ok: z.literal(true),
    operationId: z.string().optional(),
    editor: z.string().optional(),
    path: z.string().optional(),
    operations: z.int().optional().describe('How many operations would be moved'),
    filesTotal: z.int().optional(),
    buildsRemoved: z
      .array(z.string())
      .optional()
      .describe('Of a rollback: outputs of builds of the session that were started later'),
    files: z
      .array(
        z.object({
          editor: z.string(),
          path: z.string(),
          operationIds: z.array(z.string()),
          diff: z.string().optional(),
        }),
      )
      .optional(),
    diff: z.string().optional().describe('Unified diff of what would change'),
    cut: z.string().optional().describe('Says that not everything is shown'),
  })
  .describe('With `dryRun`: what would change. With `Prefer: wait`: the command and its outcome');

/** `POST /v1/sessions/{id}/undo` and `/redo`: a dry run, or the command `session.undo` / `session.redo`. */
export function registerUndo(app: App, deps: UndoDeps): void {
  for (const direction of ['undo', 'redo'] as const)
    app.post(
      `/v1/sessions/:id/${direction}`,
      {
        onRequest: needs('undo'),
        schema: {
          summary: `${direction === 'undo' ? 'Undo' : 'Redo'} one operation of a session, or one unit`,
          description:
            '`operationId` names an operation or a unit (a preset); a member stands for its unit. Never overwrites a later change: that is a conflict (409). `Prefer: wait=10` waits for the outcome; `Idempotency-Key` makes a repeat harmless.',
          tags: ['sessions'],
          params: z.object({ id: token }),
          // Fastify's word for no body at all is null.
          body: body.nullish(),
          response: answers(
            { 200: z.union([plan, outcome]), 202: receipt },
            [400, 409, 413, 415, 422, 429, 503],
          ),
        },
      },
      async (request, reply) => {
        const { dryRun, ...wanted } = request.body ?? {};
        const sessionId = request.params.id;
        return dryRun
          ? reply.send(await planOf(deps.queries, { sessionId, direction, operationId: wanted.operationId }))
          : await submitChange(deps, request, reply, {
              sessionId,
              direction,
              editor: wanted.editor,
              payload: wanted.operationId === undefined ? {} : { operationId: wanted.operationId },
            });
      },
    );
}

/** The dry run; what would fail is the problem that the command would end in. */
export async function planOf(
  queries: WorkerQueries,
  wanted: {
    readonly sessionId: string;
    readonly direction: Direction;
    readonly operationId?: string | undefined;
    readonly to?: string | undefined;
  },
): Promise<UndoPlan> {
  const { sessionId, direction, operationId, to } = wanted;
  const answer = await queries.planUndo({
    sessionId,
    direction,
    ...(operationId === undefined ? {} : { operationId }),
    ...(to === undefined ? {} : { to }),
  });
  if (answer?.ok) return answer;
  if (!answer)
    throw new ProblemError(draft('workers_unavailable', 'no worker answers', { retryAfterMs: 1_000 }));
  const code = answer.code ?? 'failed';
  const message = answer.message ?? `the ${direction} cannot be planned: ${code}`;
  const extras = { error: answer };
  if (code === 'editor_away')
    throw new ProblemError(draft('editor_away', message, { ...extras, retryAfterMs: 1_000 }));
  throw new ProblemError(draftOfFailure({ code, message }, code === 'conflict', extras));
}

/** The command itself; with `Prefer: wait` its outcome. */
export async function submitChange(
  deps: UndoDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: {
    readonly sessionId: string;
    readonly direction: Direction;
    readonly editor?: string | undefined;
    readonly payload: unknown;
  },
): Promise<FastifyReply> {
  const { traceparent, traceId } = contextOf(request.raw);
  const { sessionId, direction, editor, payload } = wanted;
  const decided = decideRequest(
    { type: `session.${direction}`, sessionId, editor, payload },
    {
      principal: principalOf(request.raw),
      traceparent,
      keyHeader: request.headers['idempotency-key'],
    },
  );
  if (!decided.ok) throw new ProblemError(decided.problem);
  const answer = await submitOne(deps, decided.request, {
    waitMs: preferredWaitMs(request.headers['prefer']),
    signal: AbortSignal.any([deps.stopping, goneSignal(reply.raw)]),
    traceId,
    failuresAsProblems: 'all',
  });
  return sendAnswer(reply, answer);
}

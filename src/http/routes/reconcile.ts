import { z } from 'zod';
import { uuid } from '../../commands/fields.js';
import { type App, needs } from '../app.js';
import { type LookupPorts, lookUp } from '../commandLookup.js';
import type { ReconcileReply, WorkerQueries } from '../ports.js';
import { draft, ProblemError } from '../problem.js';
import { contextOf } from '../requestContext.js';
import { answers } from '../responses.js';

const MAX_TEXT_CHARS = 1_000;

const body = z.strictObject({
  verdict: z.enum(['applied', 'not_applied']).describe('Whether its effect is there'),
  text: z
    .string()
    .max(MAX_TEXT_CHARS)
    .regex(/^[^\p{Cc}\p{Cs}]*\S[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text, not empty')
    .describe('What was found, for those who read it later'),
});

const reconciled = z.object({
  commandId: z.string(),
  verdict: z.enum(['applied', 'not_applied']),
  text: z.string(),
  actor: z.string(),
  eventId: z.string(),
  at: z.string(),
});

/** `POST /v1/commands/{id}/reconcile`: what an operator found out about a command that ended as `outcome_unknown`. */
export function registerReconcile(
  app: App,
  deps: { readonly queries: WorkerQueries; readonly lookup: LookupPorts },
): void {
  app.post(
    '/v1/commands/:id/reconcile',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Say what became of a command whose outcome is unknown',
        description:
          'Once a command; its state stays `outcome_unknown`. It is an event (`<name>.reconciled`) and stands as `reconciled` in the command.',
        tags: ['commands'],
        params: z.object({ id: uuid }),
        body,
        response: answers({ 200: reconciled }, [404, 409, 422, 503]),
      },
    },
    async (request, reply) => {
      const { id: commandId } = request.params;
      const { verdict, text } = request.body;
      const actor = contextOf(request.raw).principal?.name ?? 'unknown';
      const answer = await deps.queries.reconcile({ commandId, verdict, text, actor });
      if (!answer?.ok) throw await problemOf(answer, commandId, deps.lookup);
      const { eventId, timestamp: at } = answer;
      return reply.send({ commandId, verdict, text, actor, eventId, at });
    },
  );
}

async function problemOf(
  answer: Exclude<ReconcileReply, { ok: true }> | undefined,
  commandId: string,
  lookup: LookupPorts,
): Promise<ProblemError> {
  if (answer?.code === 'already_reconciled')
    return new ProblemError(draft('already_reconciled', answer.message, { commandId }));
  if (answer?.code === 'not_unknown') {
    const found = await lookUp(lookup, commandId);
    return new ProblemError(
      found.kind === 'unknown'
        ? draft('not_found', 'there is no command with this id')
        : draft('not_reconcilable', answer.message, { commandId }),
    );
  }
  return new ProblemError(draft('workers_unavailable', 'no worker answers', { retryAfterMs: 1_000 }));
}

import { z } from 'zod';
import { uuid } from '../../commands/fields.js';
import { deadline } from '../../commands/metaFields.js';
import { type App, needs } from '../app.js';
import { token } from '../requestSchema.js';
import { answers, outcome, receipt } from '../responses.js';
import { plan, planOf, submitChange, type UndoDeps } from './undo.js';

const body = z
  .strictObject({
    operationId: uuid.optional().describe('The newest operation (or unit) that stays'),
    to: z
      .union([uuid, deadline])
      .optional()
      .describe('The same, or a moment (ISO 8601): what was made after it is undone'),
    editor: token.optional(),
    dryRun: z.boolean().optional().describe('Only say what would change'),
  })
  .refine(({ operationId, to }) => (operationId === undefined) !== (to === undefined), {
    error: 'say where to roll back to: either operationId or to',
    path: ['to'],
  });

/** `POST /v1/sessions/{id}/rollback`: a dry run, or the command `session.rollback`. */
export function registerRollback(app: App, deps: UndoDeps): void {
  app.post(
    '/v1/sessions/:id/rollback',
    {
      onRequest: needs('undo'),
      schema: {
        summary: 'Undo everything of a session after an operation or a moment',
        description:
          'All or nothing, newest first: every file is looked at before the first is changed, and one that was changed by somebody else is a conflict (409) that names the change. `Prefer: wait=10` waits for the outcome; `Idempotency-Key` makes a repeat harmless.',
        tags: ['sessions'],
        params: z.object({ id: token }),
        body,
        response: answers(
          { 200: z.union([plan, outcome]), 202: receipt },
          [400, 409, 413, 415, 422, 429, 503],
        ),
      },
    },
    async (request, reply) => {
      const { dryRun, editor, operationId, to = operationId } = request.body;
      const sessionId = request.params.id;
      return dryRun
        ? reply.send(await planOf(deps.queries, { sessionId, direction: 'rollback', to }))
        : await submitChange(deps, request, reply, {
            sessionId,
            direction: 'rollback',
            editor,
            payload: { to },
          });
    },
  );
}

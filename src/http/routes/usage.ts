import { z } from 'zod';
import { usageReport } from '../../commands/usageReport.js';
import { type App, needs, sendAnswer } from '../app.js';
import { decideRequest } from '../decideRequest.js';
import { goneSignal } from '../hotPath.js';
import { preferredWaitMs } from '../prefer.js';
import { ProblemError } from '../problem.js';
import { contextOf, principalOf } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers, outcome, receipt } from '../responses.js';
import { type SubmitDeps, submitOne } from '../submit.js';

const body = z.strictObject({ sessionId: token, editor: token.optional(), ...usageReport.shape });

/** `POST /v1/usage`: the command `usage.report` in one flat body. */
export function registerUsage(app: App, deps: SubmitDeps & { readonly stopping: AbortSignal }): void {
  app.post(
    '/v1/usage',
    {
      onRequest: needs('read'),
      schema: {
        summary: "Report what an agent's model calls used",
        description:
          'The command `usage.report`: it becomes a `usage.reported` event and a row of spark_usage. `Prefer: wait=10` waits for the outcome; `Idempotency-Key` makes a repeat count once.',
        tags: ['usage'],
        body,
        response: answers({ 200: outcome, 202: receipt }, [400, 413, 415, 422, 429, 503]),
      },
    },
    async (request, reply) => {
      const { sessionId, editor, ...payload } = request.body;
      const { traceparent, traceId } = contextOf(request.raw);
      const decided = decideRequest(
        { type: 'usage.report', sessionId, editor, payload },
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
    },
  );
}

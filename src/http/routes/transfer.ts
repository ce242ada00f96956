import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sha256Hex } from '../../commands/fields.js';
import { LIMITS } from '../../commands/limits.js';
import { importedOperation } from '../../commands/sessionImport.js';
import { type App, needs, sendAnswer } from '../app.js';
import { decideRequest } from '../decideRequest.js';
import { exportSession } from '../exportSession.js';
import { goneSignal } from '../hotPath.js';
import { imagesOfImport } from '../importImages.js';
import { HTTP_LIMITS } from '../limits.js';
import type { Feed, Images } from '../ports.js';
import { preferredWaitMs } from '../prefer.js';
import { draft, ProblemError } from '../problem.js';
import type { ReadModels } from '../readPort.js';
import { contextOf, principalOf } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers, outcome, receipt } from '../responses.js';
import { type SubmitDeps, submitOne } from '../submit.js';
import { catchUp } from './operations.js';

/** What an export is and an import takes: operations oldest first, and the bytes they name. */
const transfer = z
  .strictObject({
    version: z.literal(1),
    session: token.optional(),
    exportedAt: z.string().max(64).optional(),
    /** Says what was left out. */
    cut: z.string().max(500).nullable().optional(),
    operations: z.array(importedOperation).min(1).max(LIMITS.importOperations),
    images: z.record(sha256Hex, z.string()).describe('sha-256 → bytes in base64'),
  })
  .describe('Operations of a session with the images of their files, oldest first');

type Transfer = z.infer<typeof transfer>;

export interface TransferDeps extends SubmitDeps {
  readonly reads: ReadModels;
  readonly feed: Feed;
  readonly images: Images;
  readonly stopping: AbortSignal;
}

/** `GET …/operations/export` and `POST …/operations/import`: the undo log of a session as one JSON document. */
export function registerTransfer(app: App, deps: TransferDeps): void {
  // Each holds tens of megabytes while it lasts.
  let under = 0;
  const oneOfFew = async <T>(work: () => Promise<T>): Promise<T> => {
    if (under >= HTTP_LIMITS.importsAtOnce)
      throw new ProblemError(
        draft('unavailable', 'other exports and imports are under way', { retryAfterMs: 1_000 }),
      );
    under++;
    try {
      return await work();
    } finally {
      under--;
    }
  };
  registerExport(app, deps, oneOfFew);
  app.post(
    '/v1/sessions/:id/operations/import',
    {
      onRequest: needs('undo'),
      bodyLimit: HTTP_LIMITS.importBodyBytes,
      schema: {
        summary: 'Take exported operations into the undo log of a session',
        description:
          'No file is changed: the operations can be undone, redone and rolled back here afterwards, under ids of their own (the outcome names them). Every image is checked against its sha-256. `Prefer: wait=10` waits for the outcome.',
        tags: ['sessions'],
        params: z.object({ id: token }),
        querystring: z.strictObject({ editor: token.optional() }),
        body: transfer,
        response: answers({ 200: outcome, 202: receipt }, [400, 409, 413, 415, 422, 429, 503]),
      },
    },
    async (request, reply) =>
      oneOfFew(() => take(deps, request, reply, request.body, request.params.id, request.query.editor)),
  );
}

function registerExport(
  app: App,
  deps: TransferDeps,
  oneOfFew: <T>(work: () => Promise<T>) => Promise<T>,
): void {
  app.get(
    '/v1/sessions/:id/operations/export',
    {
      onRequest: needs('undo'),
      schema: {
        summary: 'The undo log of a session with the bytes of its files, as one document',
        description: `The newest operations, at most ${LIMITS.importOperations} with ${HTTP_LIMITS.exportImageBytes} bytes of images, whole units only; \`cut\` says what was left out.`,
        tags: ['sessions'],
        params: z.object({ id: token }),
        querystring: z.strictObject({
          limit: z.coerce
            .number()
            .pipe(z.int().min(1).max(LIMITS.importOperations))
            .default(LIMITS.importOperations),
        }),
        response: answers({ 200: transfer }, [404, 422, 503]),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await catchUp(deps, goneSignal(reply.raw));
      const document = await oneOfFew(() => exportSession(deps, id, request.query.limit));
      if (document.operations.length === 0)
        throw new ProblemError(draft('not_found', `session ${id} has no operations to export`));
      return reply
        .header('content-disposition', `attachment; filename="spark-${id}.json"`)
        .send({ ...document, exportedAt: new Date(deps.clock.nowMs()).toISOString() });
    },
  );
}

async function take(
  deps: TransferDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { operations, images }: Transfer,
  sessionId: string,
  editor: string | undefined,
): Promise<FastifyReply> {
  const { traceparent, traceId } = contextOf(request.raw);
  const payload = { operations };
  if (JSON.stringify(payload).length > HTTP_LIMITS.importCommandBytes)
    throw new ProblemError(
      draft(
        'payload_too_large',
        `${operations.length} operations are more than one command can carry; export fewer with ?limit=`,
      ),
    );
  const decided = decideRequest(
    { type: 'session.import', sessionId, editor, payload },
    { principal: principalOf(request.raw), traceparent, keyHeader: request.headers['idempotency-key'] },
  );
  if (!decided.ok) throw new ProblemError(decided.problem);
  const checked = imagesOfImport(images);
  if (!checked.ok) throw new ProblemError(checked.problem);
  // Before the command: whoever executes it finds the bytes it names.
  await deps.images.put(checked.images);
  const answer = await submitOne(deps, decided.request, {
    waitMs: preferredWaitMs(request.headers['prefer']),
    signal: AbortSignal.any([deps.stopping, goneSignal(reply.raw)]),
    traceId,
    failuresAsProblems: 'all',
  });
  return sendAnswer(reply, answer);
}

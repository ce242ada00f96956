import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CATALOGUE } from '../../commands/catalogue.js';
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
import { readAfterHeader, readsOf } from '../readAfter.js';
import type { ReadModels } from '../readPort.js';
import { contextOf, principalOf } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers, outcome, receipt } from '../responses.js';
import { type SubmitDeps, submitOne } from '../submit.js';
import { createTransferSlots, sendPaced, type TransferSlots } from '../transferSlots.js';
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
  const slots = createTransferSlots(deps.clock);
  registerExport(app, deps, slots);
  app.post(
    '/v1/sessions/:id/operations/import',
    {
      onRequest: [...CATALOGUE['session.import'].scopes.map(needs), slots.take],
      bodyLimit: HTTP_LIMITS.importBodyBytes,
      schema: {
        summary: 'Take exported operations into the undo log of a session',
        description:
          'No file is changed: the operations can be undone, redone and rolled back here afterwards, under ids of their own (the outcome names them). Every image must be one that an operation names; it is checked against its sha-256, and those of assets against what their path says they are. Needs the scopes `undo`, `script:write` and `asset:write`: a redo writes what came in. `Prefer: wait=10` waits for the outcome.',
        tags: ['sessions'],
        params: z.object({ id: token }),
        querystring: z.strictObject({ editor: token.optional() }),
        body: transfer,
        response: answers({ 200: outcome, 202: receipt }, [400, 409, 413, 415, 422, 429, 503]),
      },
    },
    async (request, reply) =>
      slots.during(request, () =>
        take(deps, request, reply, request.body, request.params.id, request.query.editor),
      ),
  );
}

function registerExport(app: App, deps: TransferDeps, slots: TransferSlots): void {
  app.get(
    '/v1/sessions/:id/operations/export',
    {
      onRequest: [needs('undo'), slots.take],
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
        headers: readAfterHeader,
        response: answers({ 200: transfer }, [404, 422, 503]),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await catchUp(deps, goneSignal(reply.raw));
      const reads = await readsOf(deps.reads, request, reply);
      const document = await slots.during(request, () =>
        exportSession({ ...deps, reads }, id, request.query.limit, reply),
      );
      if (document.operations.length === 0)
        throw new ProblemError(draft('not_found', `session ${id} has no operations to export`));
      reply.header('content-disposition', `attachment; filename="spark-${id}.json"`);
      const exportedAt = new Date(deps.clock.nowMs()).toISOString();
      return sendPaced(deps.clock, request, reply, { ...document, exportedAt });
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
  const checked = imagesOfImport(images, operations);
  if (!checked.ok) throw new ProblemError(checked.problem);
  const answer = await submitOne(deps, decided.request, {
    waitMs: preferredWaitMs(request.headers['prefer']),
    signal: AbortSignal.any([deps.stopping, goneSignal(reply.raw)]),
    traceId,
    failuresAsProblems: 'all',
    // Before the command: whoever executes it finds the bytes it names.
    beforeStore: () => deps.images.put(checked.images),
  });
  return sendAnswer(reply, answer);
}

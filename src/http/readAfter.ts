import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { goneSignal } from './hotPath.js';
import { HTTP_LIMITS } from './limits.js';
import { draft, ProblemError } from './problem.js';
import type { ReadModels } from './readPort.js';

/** `Spark-Read-After`, for the document; `readsOf` reads it. */
export const readAfterHeader = z.looseObject({
  'spark-read-after': z
    .string()
    .optional()
    .describe(
      'A `seq`: the answer contains everything up to it, from whichever server has it first, within 2 s; else 503 `read_models_behind`. Every answer from a read model says in `Spark-Read-Source`, `Spark-Applied-Seq` and `Spark-Lag-Ms` who gave it, what it contains, and how stale it is',
    ),
});

/** The read models as the request wants them: with all up to its `Spark-Read-After`, which is waited for. Throws the 422. */
export async function readsOf(
  reads: ReadModels,
  request: Pick<FastifyRequest, 'headers'>,
  reply: FastifyReply,
): Promise<ReadModels> {
  const seq = readAfter(request.headers['spark-read-after']);
  if (seq === undefined) return reads;
  // Whoever has not come so far by then says so itself.
  await reads
    .waitForSeq(seq, HTTP_LIMITS.readAfterMs, goneSignal(reply.raw))
    .catch(() => ({ reached: false }));
  return reads.after(seq);
}

function readAfter(header: unknown): number | undefined {
  if (header === undefined || header === '') return undefined;
  const seq = typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : Number.NaN;
  if (Number.isSafeInteger(seq)) return seq;
  throw new ProblemError(
    draft('schema_violation', 'Spark-Read-After is no seq of ours', {
      errors: [
        { pointer: '/headers/spark-read-after', message: 'must be the seq of an event: a whole number' },
      ],
    }),
  );
}

import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TokenScope } from './auth.js';
import { draft, type ProblemDraft, ProblemError } from './problem.js';
import { ReadModelsBehindError } from './readErrors.js';
import type { ReadAnswer } from './readPort.js';
import { contextOf } from './requestContext.js';
import type { Answer } from './submit.js';

export type App = FastifyInstance<
  RawServerDefault,
  FastifyRequest['raw'],
  FastifyReply['raw'],
  FastifyInstance['log'],
  ZodTypeProvider
>;

/** Guards a route: 403 when the request's token lacks the scope. */
export function needs(scope: TokenScope) {
  return async (request: FastifyRequest): Promise<void> => {
    if (!contextOf(request.raw).principal?.scopes.has(scope))
      throw new ProblemError(
        draft('forbidden', `this needs the scope "${scope}", which this token does not have`),
      );
  };
}

/** Waits for a read model and tells in headers how stale its answer is; one that is away is a 503 that says when to come back. */
export async function reading<T>(
  answer: Promise<ReadAnswer<T>>,
  reply: Pick<FastifyReply, 'header'> | undefined,
): Promise<ReadAnswer<T>> {
  try {
    const known = await answer;
    if (reply !== undefined) tellFreshness(reply, known);
    return known;
  } catch (error) {
    throw new ProblemError(readProblem(error), error);
  }
}

/** `Spark-Read-Source`, `Spark-Applied-Seq`, `Spark-Lag-Ms`: the same on every answer that comes from a read model. */
export function tellFreshness(
  reply: Pick<FastifyReply, 'header'>,
  { source, appliedSeq, lagMs }: Omit<ReadAnswer<unknown>, 'data'>,
): void {
  reply.header('spark-read-source', source);
  reply.header('spark-applied-seq', String(appliedSeq));
  reply.header('spark-lag-ms', String(lagMs));
}

/** Why the read models did not answer, as a problem. */
export function readProblem(error: unknown): ProblemDraft {
  if (error instanceof ReadModelsBehindError)
    return draft('read_models_behind', `${error.message}; ask again`, { retryAfterMs: 1_000 });
  return draft('read_models_unavailable', 'the read models do not answer; commands are still accepted', {
    retryAfterMs: 1_000,
  });
}

/** Sends an answer as it is: it was made whole, so no serializer may touch it. */
export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(JSON.stringify(answer.body));
}

export const freshness = z.object({
  source: z.enum(['replica', 'primary']),
  appliedSeq: z.int().describe('Events up to this `seq` are in the answer'),
  lagMs: z
    .number()
    .describe('How long what is missing has been in the log, at most; 0 when nothing is missing'),
});

/** A list with how stale it may be, in its body and in its headers. */
export async function withFreshness<T>(
  answer: Promise<ReadAnswer<readonly T[]>>,
  reply: Pick<FastifyReply, 'header'>,
): Promise<{ items: readonly T[]; freshness: z.infer<typeof freshness> }> {
  const { data, source, appliedSeq, lagMs } = await reading(answer, reply);
  return { items: data, freshness: { source, appliedSeq, lagMs } };
}

import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TokenScope } from './auth.js';
import { draft, ProblemError } from './problem.js';
import type { Freshness, ReadAnswer, ReadModels } from './readPort.js';
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

/** Waits for a read model; one that is away is a 503 that says when to come back. */
export async function reading<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new ProblemError(
      draft('read_models_unavailable', 'the read models do not answer; commands are still accepted', {
        retryAfterMs: 1_000,
      }),
      error,
    );
  }
}

/** Sends an answer as it is: it was made whole, so no serializer may touch it. */
export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(JSON.stringify(answer.body));
}

export const freshness = z.object({
  source: z.enum(['replica', 'primary']),
  appliedSeq: z.int().nullable().describe('Events up to this `seq` are in the answer'),
  lagMs: z.number().nullable().describe('How old what is missing is; 0 when nothing is'),
});

/** A list with how stale it may be; a freshness that cannot be told is null and costs nobody the list. */
export async function withFreshness<T>(
  reads: ReadModels,
  answer: Promise<ReadAnswer<readonly T[]>>,
): Promise<{ items: readonly T[]; freshness: z.infer<typeof freshness> }> {
  const unknown = { appliedSeq: null, lagMs: null };
  const [list, fresh] = await Promise.all([
    reading(answer),
    reads.freshness().then(
      ({ data }): Freshness | typeof unknown => data,
      () => unknown,
    ),
  ]);
  return { items: list.data, freshness: { source: list.source, ...fresh } };
}

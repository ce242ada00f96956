import { z } from 'zod';
import { commandView } from './commandView.js';

/** The shapes of answers, for `/openapi.json`. */
export const problemSchema = z
  .looseObject({
    type: z.string().describe('`/problems/{code}`, relative and stable'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Match on this'),
    detail: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string().describe('JSON pointer into the request'),
          message: z.string(),
          limit: z.union([z.number(), z.string()]).optional(),
          unit: z.string().optional(),
        }),
      )
      .optional(),
    retryable: z.boolean(),
    retryAfterMs: z.number().optional(),
    queuePosition: z.int().optional(),
    commandId: z.string().optional(),
    error: z.unknown().optional(),
    traceId: z.string(),
  })
  .describe('RFC 9457 problem details');

export const receipt = z
  .object({
    commandId: z.string(),
    status: z.string(),
    duplicate: z.boolean(),
    warning: z.string().optional().describe('Nobody knows an editor of that name: the command waits for one'),
  })
  .describe('The command is stored and will be executed');

export const outcome = commandView.extend({ duplicate: z.boolean() }).describe('The command and its outcome');

/** What `/openapi.json` names once and refers to. */
export const COMPONENTS = z.registry<{ id: string }>();
COMPONENTS.add(problemSchema, { id: 'Problem' })
  .add(receipt, { id: 'Receipt' })
  .add(outcome, { id: 'Outcome' })
  .add(commandView, { id: 'CommandView' });

const PROBLEM_TEXT: Readonly<Record<number, string>> = {
  400: 'Malformed',
  401: 'No valid bearer token',
  403: 'The token lacks the scope',
  404: 'Not found',
  408: 'The body came too slowly',
  409: 'Conflict: nothing was overwritten',
  413: 'Too large',
  415: 'Wrong content type or encoding',
  422: 'Does not fit the schema, or its idempotency key belongs to another payload',
  507: 'The store is full; see Retry-After',
  429: 'Too much is waiting; see Retry-After',
  503: 'Out of reach for now; see Retry-After',
};

type Answers = Record<number, { description: string; content: Record<string, { schema: z.ZodType }> }>;

/** `{status: answer}` of a route: its own answers and the problems it can end in. */
export function answers(own: Readonly<Record<number, z.ZodType>>, problems: readonly number[]): Answers {
  const out: Answers = {};
  for (const [status, schema] of Object.entries(own))
    out[Number(status)] = {
      description: schema.description ?? 'OK',
      content: { 'application/json': { schema } },
    };
  for (const status of [401, 403, ...problems])
    out[status] = {
      description: PROBLEM_TEXT[status] ?? 'Problem',
      content: { 'application/problem+json': { schema: problemSchema } },
    };
  return out;
}

/** As `answers`, for a route whose 200 is no JSON. */
export function rawAnswers(
  description: string,
  contentTypes: readonly string[],
  problems: readonly number[],
): Answers {
  const content = Object.fromEntries(contentTypes.map((type) => [type, { schema: z.unknown() }]));
  return { ...answers({}, problems), 200: { description, content } };
}

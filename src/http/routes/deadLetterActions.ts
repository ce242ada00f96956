import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type App, needs, reading } from '../app.js';
import { goneSignal } from '../hotPath.js';
import { HTTP_LIMITS } from '../limits.js';
import { draft, ProblemError } from '../problem.js';
import type { DeadLetterRow, ReadModels } from '../readPort.js';
import { decideRedrive } from '../redrive.js';
import { type RedriveAsker, type RedriveDeps, redriveLetter } from '../redriveLetter.js';
import { redriveMany } from '../redriveMany.js';
import { contextOf, principalOf, setCommonHeaders } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';
import { findLetter, letterFilter } from './deadLetters.js';

export interface DeadLetterActionDeps extends RedriveDeps {
  readonly reads: ReadModels;
  readonly stopping: AbortSignal;
}

const overrides = z.strictObject({
  payload: z.unknown().optional().describe('Instead of the body, e.g. of one that was no JSON'),
  type: z.string().min(1).max(130).optional(),
  sessionId: token.optional(),
  editor: token.optional(),
  redrive: z
    .int()
    .min(1)
    .optional()
    .describe(
      'Which redrive of this letter it is; the same number again is the same redrive. Absent: the newest, or the first',
    ),
});

const redriven = z
  .object({
    id: z.string(),
    commandId: z.string(),
    status: z.string(),
    duplicate: z.boolean().describe('This redrive was made before: nothing new was stored'),
    redrive: z.int(),
  })
  .describe('The new command is stored and will be executed');

const limit = z.int().min(1).max(HTTP_LIMITS.redriveBatch).default(100).describe('At most so many letters');
const filter = z.strictObject(letterFilter).describe('Which open letters; {} is all of them');
const dryRun = z.boolean().default(false).describe('Only say what would be done');

const redriveMatching = z.strictObject({
  filter,
  ratePerSecond: z
    .number()
    .positive()
    .max(HTTP_LIMITS.redrivePerSecondMax)
    .default(HTTP_LIMITS.redrivePerSecondDefault),
  limit,
  dryRun,
});

const dropped = z.object({ id: z.string(), state: z.literal('dropped'), duplicate: z.boolean() });
const planned = z.object({
  matched: z.int(),
  items: z.array(z.object({ id: z.string(), type: z.string().nullable(), problem: z.string().nullable() })),
});

/** Redrive and drop, one letter or all that match; scope `admin`, and for a redrive those of its command too. */
export function registerDeadLetterActions(app: App, deps: DeadLetterActionDeps): void {
  registerRedrive(app, deps);
  registerRedriveMatching(app, deps);
  registerDrops(app, deps);
}

function registerRedrive(app: App, deps: DeadLetterActionDeps): void {
  app.post(
    '/v1/dead-letters/:id/redrive',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Make a new command of a dead letter',
        description:
          'The same request again is harmless: one redrive is one command. It needs the scopes of the command too. Follow it with `GET /v1/commands/{commandId}` and `Prefer: wait=10`.',
        tags: ['dead letters'],
        params: z.object({ id: z.string() }),
        body: overrides.nullish(),
        response: answers({ 202: redriven }, [400, 404, 409, 413, 415, 422, 429, 503]),
      },
    },
    async (request, reply) => {
      const found = await findLetter(deps.reads, request.params.id);
      const result = await redriveLetter(deps, found, request.body ?? {}, askerOf(request));
      if (!result.ok) throw new ProblemError(result.problem);
      const { ok: _, ...answer } = result;
      reply.code(202).headers({ location: `/v1/commands/${result.commandId}`, 'cache-control': 'no-store' });
      return reply.send({ id: found.letter.id, ...answer });
    },
  );
}

function registerRedriveMatching(app: App, deps: DeadLetterActionDeps): void {
  app.post(
    '/v1/dead-letters/redrive',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Redrive all open letters that match, oldest first, paced',
        description:
          'One JSON line a letter while it goes on, then one with `done`. Interrupted (or closed by you), the same request goes on with what is still open. With `dryRun`: a plain JSON answer that says what would be done.',
        tags: ['dead letters'],
        body: redriveMatching,
        response: answers(
          { 200: planned.describe('With `dryRun`; otherwise application/x-ndjson, a line a letter') },
          [400, 413, 415, 422, 503],
        ),
      },
    },
    async (request, reply) => {
      const { ratePerSecond, limit: most, dryRun: dry } = request.body;
      if (!dry && most / ratePerSecond > HTTP_LIMITS.redriveMaxSeconds)
        throw new ProblemError(
          draft(
            'schema_violation',
            `${most} letters at ${ratePerSecond} a second take longer than ${HTTP_LIMITS.redriveMaxSeconds} s, which is the limit of one request: give a smaller "limit" or a higher "ratePerSecond", and ask again for the rest`,
            { errors: [{ pointer: '/ratePerSecond', message: 'too slow for so many letters' }] },
          ),
        );
      const letters = await openLetters(deps.reads, request.body);
      const asker = askerOf(request);
      if (dry) return reply.send(planOf(letters, asker));
      await streamRedrives(deps, letters, ratePerSecond, request, reply);
      return reply;
    },
  );
}

function planOf(letters: readonly DeadLetterRow[], asker: RedriveAsker): z.infer<typeof planned> {
  const items = letters.map((letter) => {
    const decided = decideRedrive(letter, {}, Math.max(1, letter.redrives), asker);
    return { id: letter.id, type: letter.type, problem: decided.ok ? null : decided.problem.detail };
  });
  return { matched: letters.length, items };
}

/** Written as it goes on, so that who watches sees the pace; a client that hangs up ends it. */
async function streamRedrives(
  deps: DeadLetterActionDeps,
  letters: readonly DeadLetterRow[],
  ratePerSecond: number,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  reply.hijack();
  const context = contextOf(request.raw);
  context.streaming = true;
  setCommonHeaders(reply.raw, context);
  reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  const signal = AbortSignal.any([deps.stopping, goneSignal(reply.raw)]);
  const write = (line: unknown) => {
    if (!reply.raw.destroyed) reply.raw.write(`${JSON.stringify(line)}\n`);
  };
  try {
    for await (const line of redriveMany(deps, letters, ratePerSecond, askerOf(request), signal)) write(line);
  } catch {
    // The note of what was done could not be stored: this process stops. What is noted is noted, the rest is still open.
    write({ done: true, matched: letters.length, stopped: 'draining' });
  }
  reply.raw.end();
}

function registerDrops(app: App, deps: DeadLetterActionDeps): void {
  app.delete(
    '/v1/dead-letters/:id',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Drop a dead letter: nothing more is to be done about it',
        description: 'It stays in the list, in the state `dropped`.',
        tags: ['dead letters'],
        params: z.object({ id: z.string() }),
        response: answers({ 200: dropped }, [404, 409, 503]),
      },
    },
    async (request, reply) => {
      const { letter } = await findLetter(deps.reads, request.params.id);
      const duplicate = letter.state === 'dropped';
      if (!duplicate) await drop(deps, letter, askerOf(request));
      return reply.send({ id: letter.id, state: 'dropped' as const, duplicate });
    },
  );

  app.post(
    '/v1/dead-letters/drop',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Drop all open letters that match',
        tags: ['dead letters'],
        body: z.strictObject({ filter, limit, dryRun }),
        response: answers({ 200: z.object({ matched: z.int(), dropped: z.array(z.string()) }) }, [
          ...[400, 413, 415, 422, 503],
        ]),
      },
    },
    async (request, reply) => {
      const letters = await openLetters(deps.reads, request.body);
      if (!request.body.dryRun)
        await Promise.all(letters.map((letter) => drop(deps, letter, askerOf(request))));
      const ids = request.body.dryRun ? [] : letters.map(({ id }) => id);
      return reply.send({ matched: letters.length, dropped: ids });
    },
  );
}

async function drop(deps: DeadLetterActionDeps, letter: DeadLetterRow, asker: RedriveAsker): Promise<void> {
  if (letter.source === 'projector')
    throw new ProblemError(
      draft(
        'not_redrivable',
        'this is an event that could not be projected: it goes away by `spark rebuild`',
      ),
    );
  if (letter.state === 'redriven')
    throw new ProblemError(
      draft('dead_letter_closed', `the letter was redriven by ${letter.actedBy} at ${letter.redrivenAt}`),
    );
  await deps.actions.append({
    action: 'dropped',
    letterId: Number(letter.id),
    actor: asker.principal.name,
  });
}

async function openLetters(
  reads: ReadModels,
  body: { readonly filter: Record<string, string | undefined>; readonly limit: number },
): Promise<readonly DeadLetterRow[]> {
  const query = {
    ...body.filter,
    state: 'open',
    source: 'stream',
    limit: body.limit,
    oldestFirst: true,
  } as const;
  return (await reading(reads.deadLetters(query), undefined)).data;
}

function askerOf(request: FastifyRequest): RedriveAsker {
  return { principal: principalOf(request.raw), traceparent: contextOf(request.raw).traceparent };
}

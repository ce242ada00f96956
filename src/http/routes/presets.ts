import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CATALOGUE } from '../../commands/catalogue.js';
import { presetFolder } from '../../commands/presetApply.js';
import { type App, needs, sendAnswer } from '../app.js';
import { decideRequest } from '../decideRequest.js';
import { goneSignal } from '../hotPath.js';
import { preferredWaitMs } from '../prefer.js';
import type { PresetCatalogue, PresetDetails } from '../presetPort.js';
import { draft, ProblemError } from '../problem.js';
import { contextOf } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers, outcome, receipt } from '../responses.js';
import { type SubmitDeps, submitOne } from '../submit.js';
import { matches } from './commands.js';

export interface PresetRouteDeps extends SubmitDeps {
  readonly presets: PresetCatalogue;
  readonly stopping: AbortSignal;
}

const summary = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  targetFolder: z.string().describe('Where it goes when no folder is asked for'),
  files: z.int(),
  totalBytes: z.int(),
  scenes: z.array(z.string()),
});

const details = summary.extend({
  namespace: z.string(),
  files: z
    .array(z.object({ path: z.string(), bytes: z.int(), sha256: z.string() }))
    .describe('In the order they are written'),
  assets: z.array(z.looseObject({ path: z.string(), kind: z.literal('texture') })),
  build: z
    .looseObject({ target: z.string(), compression: z.string(), scenes: z.array(z.string()) })
    .describe('What `unity.run_build` is given afterwards'),
});

const applyBody = z.strictObject({
  sessionId: token,
  editor: token.optional(),
  targetFolder: presetFolder.optional().describe("The preset's own folder, when absent"),
});

const found = (presets: PresetCatalogue, id: string): PresetDetails => {
  const preset = presets.describe(id);
  if (preset) return preset;
  const known = presets.list().map((each) => each.id);
  throw new ProblemError(
    draft('not_found', `there is no preset "${id}"; there are ${known.join(', ')}: GET /v1/presets`),
  );
};

/** `GET /v1/presets`, `GET /v1/presets/{id}` and `POST /v1/presets/{id}/apply`. */
export function registerPresets(app: App, deps: PresetRouteDeps): void {
  app.get(
    '/v1/presets',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'The small games that can be written into a project',
        tags: ['presets'],
        response: answers({ 200: z.object({ items: z.array(summary) }) }, []),
      },
    },
    (request, reply) =>
      unchanging(request, reply, {
        items: deps.presets.list().map(({ id, name, description, targetFolder, ...rest }) => ({
          ...{ id, name, description, targetFolder },
          files: rest.files.length,
          totalBytes: rest.totalBytes,
          scenes: rest.scenes,
        })),
      }),
  );
  app.get(
    '/v1/presets/:id',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'A preset: its files, scenes, assets and build configuration',
        tags: ['presets'],
        params: z.object({ id: z.string() }),
        response: answers({ 200: details }, [404]),
      },
    },
    (request, reply) => unchanging(request, reply, found(deps.presets, request.params.id)),
  );
  registerApply(app, deps);
}

function registerApply(app: App, deps: PresetRouteDeps): void {
  app.post(
    '/v1/presets/:id/apply',
    {
      onRequest: CATALOGUE['preset.apply'].scopes.map(needs),
      schema: {
        summary: 'Write a preset into a project, as one unit',
        description:
          'The command `preset.apply`: all of its files or none, and `POST /v1/sessions/{id}/undo` takes all of them back. Needs the scopes `script:write` and `asset:write`. `Prefer: wait=30` waits for the outcome; `Idempotency-Key` makes a repeat harmless.',
        tags: ['presets'],
        params: z.object({ id: z.string() }),
        body: applyBody,
        response: answers({ 200: outcome, 202: receipt }, [400, 404, 409, 413, 415, 422, 429, 503]),
      },
    },
    async (request, reply) => {
      const { principal, traceparent, traceId } = contextOf(request.raw);
      if (!principal) throw new Error('a request without a principal passed its scope check');
      const { id: presetId } = found(deps.presets, request.params.id);
      const { sessionId, editor, targetFolder } = request.body;
      const payload = { presetId, ...(targetFolder === undefined ? {} : { targetFolder }) };
      const decided = decideRequest(
        { type: 'preset.apply', sessionId, editor, payload },
        { principal, traceparent, keyHeader: request.headers['idempotency-key'] },
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

/** Presets change only with SPARK itself: a client that has the body need not get it again. */
async function unchanging(
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
): Promise<FastifyReply> {
  const text = JSON.stringify(body);
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  reply.headers({ etag, 'cache-control': 'private, no-cache' });
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.type('application/json; charset=utf-8').send(text);
}

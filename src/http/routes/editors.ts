import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  type EditorEntry,
  editorRegistration,
  pausedEntry,
  pauseRequest,
  registeredEntry,
  removedEntry,
  resumedEntry,
} from '../../commands/editorEntry.js';
import type { Clock } from '../../core/clock.js';
import { codeOf } from '../../core/errors.js';
import { type App, needs } from '../app.js';
import { type CachedAnswer, EditorCache } from '../editorCache.js';
import type { EditorsPort } from '../editorsPort.js';
import { editorView, registrationOf, registrationView, withoutCredentials } from '../editorView.js';
import { draft, ProblemError } from '../problem.js';
import { contextOf } from '../requestContext.js';
import { token } from '../requestSchema.js';
import { answers } from '../responses.js';
import { matches } from './commands.js';

export interface EditorDeps {
  readonly editors: EditorsPort;
  readonly clock: Clock;
}

const params = z.object({ id: token });
const CACHED =
  '`X-Cache` and `X-Cache-TTL` (seconds) tell whether it was kept; `Cache-Control: no-cache` asks anew.';

/** `GET|POST /v1/editors`, `GET|DELETE /v1/editors/{id}`, `POST /v1/editors/{id}/pause|resume`. */
export function registerEditors(app: App, deps: EditorDeps): void {
  registerReads(app, deps);
  registerChanges(app, deps);
  registerPauses(app, deps);
}

function registerReads(app: App, { editors, clock }: EditorDeps): void {
  const cache = new EditorCache(editors, clock);
  app.get(
    '/v1/editors',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'Every editor that is registered, configured, connected or sent commands to',
        description: `With health, current work and queue. ${CACHED}`,
        tags: ['editors'],
        response: answers({ 200: z.object({ items: z.array(editorView) }) }, [503]),
      },
    },
    async (request, reply) => sendCached(request, reply, await cache.list(wantsFresh(request))),
  );
  app.get(
    '/v1/editors/:id',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'One editor',
        description: CACHED,
        tags: ['editors'],
        params,
        response: answers({ 200: editorView }, [404, 503]),
      },
    },
    async (request, reply) => {
      const answer = await cache.detail(request.params.id, wantsFresh(request));
      if (!answer) throw unknownEditor(request.params.id);
      return sendCached(request, reply, answer);
    },
  );
}

function registerChanges(app: App, { editors, clock }: EditorDeps): void {
  app.post(
    '/v1/editors',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Register an editor, or change what it is registered as',
        description:
          '201 when it is new. The body is the whole registration; a pause stays. What runs in an editor goes on where it began: pause it before you give it another instance.',
        tags: ['editors'],
        body: editorRegistration,
        response: answers({ 200: registrationView, 201: registrationView }, [400, 409, 413, 415, 422, 503]),
      },
    },
    async (request, reply) => {
      const wanted = request.body;
      refuseConfigured(editors, wanted.editor);
      refuseForeignServer(editors, wanted.mcpUrl);
      const now = isoNow(clock);
      // The default is not written down: it follows the configuration.
      const { mcpUrl, ...rest } = wanted;
      const entry = mcpUrl === undefined || mcpUrl === editors.mcpUrls[0] ? rest : { ...rest, mcpUrl };
      const { before, after } = await changing(
        editors.change(wanted.editor, (known) => registeredEntry(known, entry, now)),
      );
      reply.header('location', `/v1/editors/${wanted.editor}`);
      return reply.code(before?.registered ? 200 : 201).send(viewOf(editors, wanted.editor, after));
    },
  );
  app.delete(
    '/v1/editors/:id',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Remove a registered editor',
        description: 'Its waiting commands stay, and wait for an editor of that name. A pause stays too.',
        tags: ['editors'],
        params,
        response: answers({}, [404, 409, 503]),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      refuseConfigured(editors, id);
      const now = isoNow(clock);
      const { before } = await changing(
        editors.change(id, (known) => (known?.registered ? removedEntry(known, now) : (known ?? null))),
      );
      if (!before?.registered)
        throw new ProblemError(draft('not_found', `no editor "${id}" is registered; see GET /v1/editors`));
      return reply.code(204).send();
    },
  );
}

function registerPauses(app: App, { editors, clock }: EditorDeps): void {
  const tags = ['editors'];
  const response = answers({ 200: registrationView }, [404, 413, 415, 422, 503]);
  app.post(
    '/v1/editors/:id/pause',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Pause an editor: what runs finishes, nothing new begins',
        description: 'Commands are still accepted and wait. Holds until it is resumed, whatever restarts.',
        ...{ tags, params, body: pauseRequest.nullish(), response },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!editors.known(id)) throw unknownEditor(id);
      const by = contextOf(request.raw).principal?.name ?? 'unknown';
      const pause = { by, at: isoNow(clock), reason: request.body?.reason ?? null };
      const { after } = await changing(editors.change(id, (known) => pausedEntry(known, id, pause)));
      return reply.send(viewOf(editors, id, after));
    },
  );
  app.post(
    '/v1/editors/:id/resume',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Resume a paused editor',
        ...{ tags, params, body: z.strictObject({}).nullish(), response },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!editors.known(id) && !editors.entries.has(id)) throw unknownEditor(id);
      const now = isoNow(clock);
      const { after } = await changing(editors.change(id, (known) => resumedEntry(known, now)));
      return reply.send(viewOf(editors, id, after));
    },
  );
}

function sendCached(request: FastifyRequest, reply: FastifyReply, answer: CachedAnswer): FastifyReply {
  reply.headers({
    etag: answer.etag,
    'cache-control': 'private, no-cache',
    'x-cache': answer.hit ? 'HIT' : 'MISS',
    'x-cache-ttl': String(Math.max(0, Math.round(answer.ttlMs / 1_000))),
    age: String(Math.floor(answer.ageMs / 1_000)),
  });
  if (matches(request.headers['if-none-match'], answer.etag)) return reply.code(304).send();
  return reply.type('application/json; charset=utf-8').send(answer.text);
}

const wantsFresh = ({ headers }: FastifyRequest): boolean =>
  /\bno-(?:cache|store)\b/i.test(String(headers['cache-control'] ?? ''));

const isoNow = (clock: Clock): string => new Date(clock.nowMs()).toISOString();

function viewOf(editors: EditorsPort, editor: string, entry: EditorEntry | null) {
  const configured = editors.configured.find((one) => one.editor === editor);
  return registrationOf(editor, entry ?? undefined, configured, 'connection');
}

function unknownEditor(editor: string): ProblemError {
  return new ProblemError(draft('not_found', `nobody knows an editor "${editor}"; see GET /v1/editors`));
}

function refuseConfigured(editors: EditorsPort, editor: string): void {
  if (!editors.configured.some((one) => one.editor === editor)) return;
  const detail = `editor "${editor}" comes from UNITY_EDITORS: change it there; here it can be paused and resumed`;
  throw new ProblemError(draft('conflict', detail));
}

/** A client must not make SPARK send its token anywhere: the servers come from configuration. */
function refuseForeignServer({ mcpUrls }: EditorsPort, mcpUrl: string | undefined): void {
  if (mcpUrl === undefined || mcpUrls.includes(mcpUrl)) return;
  const allowed = mcpUrls.map((url) => withoutCredentials(url)).join(', ');
  const message = `is none of the configured MCP servers (UNITY_MCP_URL, UNITY_MCP_URLS): ${allowed}`;
  const errors = [{ pointer: '/mcpUrl', message }];
  throw new ProblemError(draft('schema_violation', `/mcpUrl: ${message}`, { errors }));
}

async function changing<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (codeOf(error) === 'registry_full')
      throw new ProblemError(draft('conflict', (error as Error).message));
    throw new ProblemError(
      draft('registry_unavailable', 'the editors registry does not answer; nothing is known to be changed', {
        retryAfterMs: 1_000,
      }),
      error,
    );
  }
}

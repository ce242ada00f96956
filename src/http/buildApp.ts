import swagger from '@fastify/swagger';
import fastify, {
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify';
import { createJsonSchemaTransform, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { LIMITS } from '../commands/limits.js';
import { parseJsonBody } from '../commands/parseBody.js';
import { problemsOf } from '../commands/problems.js';
import type { Logger } from '../observability/logger.js';
import { watchMethods } from './allowedMethods.js';
import type { App } from './app.js';
import { answerClientError } from './clientError.js';
import { bodyTooLarge } from './hotPath.js';
import { OPENAPI_BASE, withHotRoute } from './openapi.js';
import { draft, draftOfRefusal, headersOf, type ProblemDraft, ProblemError, problemOf } from './problem.js';
import { contextOf } from './requestContext.js';
import { COMPONENTS } from './responses.js';

/** Where in the request a validated part lies, as the prefix of its JSON pointers. */
const PREFIX: Readonly<Record<string, string>> = {
  body: '',
  querystring: '/query',
  params: '/path',
  headers: '/headers',
};

/** Fastify with our ways: zod at the edge, problem+json for everything that is wrong, `/openapi.json` from the schemas. */
export async function buildApp(
  serverFactory: FastifyServerFactory,
  logger: Logger,
  register: (app: App) => void,
): Promise<App> {
  const app = fastify({
    serverFactory,
    bodyLimit: LIMITS.rawRequestBytes,
    // The front door answers 503 while draining, in our own words.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, logger),
  }).withTypeProvider<ZodTypeProvider>() as unknown as App;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    const parsed = parseJsonBody(bytes as Buffer);
    if (parsed.ok) done(null, parsed.value);
    else done(new ProblemError(draftOfRefusal(parsed.refusal)));
  });
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (data: unknown) => {
    const parsed = schema.safeParse(data);
    if (parsed.success) return { value: parsed.data };
    const errors = problemsOf(parsed.error, PREFIX[httpPart ?? 'body']);
    const first = errors[0];
    const detail = first
      ? `${first.pointer || '/'}: ${first.message}`
      : 'the request does not fit its schema';
    return { error: new ProblemError(draft('schema_violation', detail, { errors })) };
  });
  // Response schemas are for the document: a check at run time would turn a surprising row into a 500.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, logger));
  const methodsOf = watchMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(request.url.replace(/\?.*$/s, ''));
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    const problem =
      allowed.length > 0
        ? draft(
            'method_not_allowed',
            `${request.method} is not for this path; it takes ${allowed.join(', ')}`,
          )
        : draft('not_found', 'there is nothing here; see GET / for what is');
    return answerError(new ProblemError(problem), request, reply, logger);
  });
  app.addHook('onRequest', async (request) => {
    contextOf(request.raw).route = request.routeOptions.url ?? 'unmatched';
  });
  await app.register(swagger, {
    openapi: OPENAPI_BASE,
    transform: createJsonSchemaTransform({ schemaRegistry: COMPONENTS }),
  });
  register(app);
  let document: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= JSON.stringify(withHotRoute(app.swagger() as unknown as Record<string, unknown>));
    return reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache').send(document);
  });
  await app.ready();
  return app;
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): FastifyReply {
  const { traceId, requestId, route } = contextOf(request.raw);
  const problem = problemFor(error);
  if (problem.status >= 500)
    logger.error({ err: error, code: problem.code, requestId, traceId, route }, 'a request failed');
  return reply
    .code(problem.status)
    .headers(headersOf(problem))
    .send(JSON.stringify(problemOf(problem, traceId)));
}

/** What went wrong, in our words: texts of unknown errors stay in the log. */
function problemFor(error: unknown): ProblemDraft {
  if (error instanceof ProblemError) return error.draft;
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge();
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return draft('unsupported_media_type', 'send application/json');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return draft('bad_request', 'the request could not be read');
  return draft('internal', 'something broke inside; the trace id finds it in the log');
}

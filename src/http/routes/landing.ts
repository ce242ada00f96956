import type { App } from '../app.js';

const PLACES = {
  commands: 'POST /v1/commands',
  command: 'GET /v1/commands/{id}',
  events: 'GET /v1/sessions/{id}/events',
  operations: 'GET /v1/sessions/{id}/operations',
  undo: 'POST /v1/sessions/{id}/undo',
  redo: 'POST /v1/sessions/{id}/redo',
  rollback: 'POST /v1/sessions/{id}/rollback',
  history: 'GET /v1/operations',
  editors: 'GET /v1/editors',
  uploads: 'POST /v1/uploads',
  frames: 'GET /v1/frames/{sha}',
  deadLetters: 'GET /v1/dead-letters',
  usage: 'POST /v1/usage',
  openapi: 'GET /openapi.json',
  health: 'GET /readyz',
  metrics: 'GET /metrics',
  version: 'GET /version',
} as const;

/** `GET /`: where things are, as JSON or, for a browser, as a plain page. */
export function registerLanding(app: App, { version }: { readonly version: string }): void {
  app.get('/', { schema: { hide: true } }, async (request, reply) => {
    if (!(request.headers.accept ?? '').includes('text/html'))
      return reply.send({
        name: 'spark',
        version,
        authentication: 'Authorization: Bearer <token>',
        places: PLACES,
      });
    const rows = Object.values(PLACES).map((place) => `<li><code>${place}</code></li>`);
    return reply
      .type('text/html; charset=utf-8')
      .send(
        `<!doctype html><html lang="en"><meta charset="utf-8"><title>SPARK</title><h1>SPARK ${version}</h1><p>A durable command pipeline in front of Unity MCP servers. Everything below <code>/v1</code> needs <code>Authorization: Bearer &lt;token&gt;</code>.</p><ul>${rows.join('')}</ul></html>`,
      );
  });
}

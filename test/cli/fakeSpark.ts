import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void;

export interface FakeSpark {
  readonly url: string;
  readonly seen: SeenRequest[];
  stop(): Promise<void>;
}

/** A real HTTP server on loopback that speaks as much of SPARK's API as its handlers say: `GET /v1/commands/` is a prefix. */
export async function startFakeSpark(handlers: Readonly<Record<string, Handler>>): Promise<FakeSpark> {
  const seen: SeenRequest[] = [];
  const prefixes = Object.keys(handlers).sort((a, b) => b.length - a.length);
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const request: SeenRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
      seen.push(request);
      const key = prefixes.find((prefix) => `${request.method} ${request.path}`.startsWith(prefix));
      const handler = key === undefined ? undefined : handlers[key];
      if (handler) handler(request, response);
      else problem(response, 404, { code: 'not_found', detail: `nothing at ${request.path}` });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function problem(
  response: ServerResponse,
  status: number,
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json; charset=utf-8', ...headers });
  response.end(JSON.stringify({ type: `/problems/${String(body['code'])}`, status, ...body }));
}

/** Opens an event stream and writes these events; the caller ends or destroys the response. */
export function sse(
  response: ServerResponse,
  events: readonly { id?: string; event?: string; data: unknown }[],
): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': connected\n\n');
  for (const { id, event, data } of events)
    response.write(
      `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`,
    );
}

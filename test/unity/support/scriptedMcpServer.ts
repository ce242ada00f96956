import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server whose every answer the test decides: for what no well-behaved server does. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly message: {
    readonly id?: number;
    readonly method?: string;
    readonly params?: Record<string, unknown>;
  };
}

export type Responder = (seen: Seen, response: ServerResponse) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly seen: Seen[];
  /** Answers tool calls other than `set_active_instance`; the handshake answers itself. */
  onCall: Responder;
  onOther: Responder | null;
  stop(): Promise<void>;
}

export const EVENT_STREAM = 'text/event-stream';

export function result(seen: Seen, body: object): string {
  const text = JSON.stringify(body);
  return JSON.stringify({
    jsonrpc: '2.0',
    id: seen.message.id,
    result: { content: [{ type: 'text', text }] },
  });
}

export function answerStream(response: ServerResponse, seen: Seen, body: object): void {
  response.writeHead(200, { 'content-type': EVENT_STREAM, 'mcp-session-id': 's1' });
  response.end(`event: message\r\ndata: ${result(seen, body)}\r\n\r\n`);
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const scripted: ScriptedServer = {
    url: '',
    seen,
    onCall: (one, response) => answerStream(response, one, { success: true, message: 'ok' }),
    onOther: null,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const message = text.startsWith('{') ? JSON.parse(text) : {};
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        text,
        message,
      };
      seen.push(one);
      answer(scripted, one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(scripted, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` });
}

function answer(scripted: ScriptedServer, seen: Seen, response: ServerResponse): void {
  const { message } = seen;
  if (seen.url !== '/mcp' && scripted.onOther) scripted.onOther(seen, response);
  else if (seen.url !== '/mcp' || seen.method !== 'POST') response.writeHead(404).end('Not Found');
  else if (message.method === 'initialize') initialize(seen, response, `s${scripted.seen.length}`);
  else if (message.method === 'notifications/initialized') response.writeHead(202).end();
  else if (message.params?.['name'] !== 'set_active_instance') scripted.onCall(seen, response);
  else answerStream(response, seen, { success: true, message: 'set' });
}

function initialize(seen: Seen, response: ServerResponse, session: string): void {
  response.writeHead(200, { 'content-type': EVENT_STREAM, 'mcp-session-id': session });
  const serverInfo = { name: 'scripted', version: '1' };
  const init = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo };
  response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: seen.message.id, result: init })}\n\n`);
}

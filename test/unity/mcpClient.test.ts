import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { classify } from '../../src/unity/classify.js';
import type { RawReply } from '../../src/unity/rawReply.js';
import { pingEditor } from '../../src/unity/readiness.js';
import { UnityServer } from '../../src/unity/unityServer.js';
import {
  answerStream,
  EVENT_STREAM,
  result,
  type ScriptedServer,
  startScriptedServer,
} from './support/scriptedMcpServer.js';

const never = new AbortController().signal;
const monotonicMs = () => systemClock.monotonicMs();
let server: ScriptedServer;
let unity: UnityServer;

beforeEach(async () => {
  server = await startScriptedServer();
  unity = new UnityServer(server.url, { bearer: 'token', apiKey: 'key' }, monotonicMs);
});

afterEach(async () => {
  await unity.close();
  await server.stop();
});

function call(
  more: { timeoutMs?: number; signal?: AbortSignal; arguments?: object } = {},
): Promise<RawReply> {
  return unity.client('e', 'Game@h1').callTool({
    tool: 'create_script',
    arguments: { path: 'Assets/A.cs', ...more.arguments },
    meta: { commandId: 'c1', attempt: 2 },
    timeoutMs: more.timeoutMs ?? 5_000,
    signal: more.signal ?? never,
  });
}

const toolCalls = () => server.seen.filter(({ message }) => message.method === 'tools/call');
const countOf = (method: string) => server.seen.filter(({ message }) => message.method === method).length;

describe('McpClient', () => {
  it('given two calls, then one handshake, the instance pinned and named, who calls in _meta, both credentials', async () => {
    expect(classify(await call())).toMatchObject({ kind: 'done', message: 'ok' });
    await call();
    expect(server.seen.map(({ message }) => message.params?.['name'] ?? message.method)).toEqual([
      'initialize',
      'notifications/initialized',
      'set_active_instance',
      'create_script',
      'create_script',
    ]);
    expect(toolCalls()[0]?.message.params).toEqual({
      name: 'set_active_instance',
      arguments: { instance: 'Game@h1' },
    });
    expect(toolCalls()[1]?.message.params).toEqual({
      name: 'create_script',
      arguments: { path: 'Assets/A.cs', unity_instance: 'Game@h1' },
      _meta: { commandId: 'c1', attempt: 2 },
    });
    expect(toolCalls()[1]?.headers).toMatchObject({
      authorization: 'Bearer token',
      'x-api-key': 'key',
      'mcp-session-id': 's1',
      'mcp-protocol-version': '2025-06-18',
    });
  });

  it('given notifications and requests of the server first, cut anywhere, then the answer is found', async () => {
    server.onCall = (seen, response) => {
      response.writeHead(200, { 'content-type': EVENT_STREAM });
      const noise = `: ping\r\n\r\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"é"}}\r\n\r\n`;
      const request = `data: {"jsonrpc":"2.0","id":${seen.message.id},"method":"roots/list"}\r\n\r\n`;
      const bytes = Buffer.from(
        `${noise}${request}data: ${result(seen, { success: true, message: 'é🎮' })}\r\n\r\n`,
      );
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    };
    expect(classify(await call())).toMatchObject({ kind: 'done', message: 'é🎮' });
  });

  it('given a server that keeps the stream open after the answer, then the call does not wait for its end', async () => {
    const open: ServerResponse[] = [];
    server.onCall = (seen, response) => {
      response.writeHead(200, { 'content-type': EVENT_STREAM });
      response.write(`data: ${result(seen, { success: true })}\n\n`);
      open.push(response);
    };
    expect(classify(await call())).toMatchObject({ kind: 'done' });
    for (const response of open) response.end();
  });

  it('given a plain JSON answer, also as a batch, then it is read the same', async () => {
    server.onCall = (seen, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`[${result(seen, { success: true })}]`);
    };
    expect(classify(await call())).toMatchObject({ kind: 'done' });
  });

  it('given a 400 with a fresh session id, then it is initialized again, the offered id is not used, the call made once', async () => {
    let refused = false;
    server.onCall = (seen, response) => {
      if (refused) return answerStream(response, seen, { success: true, message: 'second' });
      refused = true;
      response.writeHead(400, { 'content-type': 'application/json', 'mcp-session-id': 'poison' });
      response.end(
        '{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: Missing session ID"}}',
      );
    };
    expect(classify(await call())).toMatchObject({ kind: 'done', message: 'second' });
    expect(countOf('initialize')).toBe(2);
    expect(server.seen.map(({ headers }) => headers['mcp-session-id'])).not.toContain('poison');
  });

  it('given a server that never knows the session, then it is asked twice and the call is not executed', async () => {
    server.onCall = (_seen, response) => {
      response.writeHead(404).end('{"error":{"code":-32600,"message":"Session not found"}}');
    };
    expect(classify(await call())).toMatchObject({ kind: 'not_executed' });
    expect(toolCalls().filter(({ message }) => message.params?.['name'] === 'create_script')).toHaveLength(2);
  });

  it('given silence, then the time limit makes it unknown, not "not executed"', async () => {
    server.onCall = () => undefined;
    expect(await call({ timeoutMs: 200 })).toMatchObject({ kind: 'broken' });
  });

  it('given a server that only pings on the stream, then the time limit holds all the same', async () => {
    const timers: NodeJS.Timeout[] = [];
    server.onCall = (_seen, response) => {
      response.writeHead(200, { 'content-type': EVENT_STREAM });
      timers.push(setInterval(() => response.write(': ping\n\n'), 20));
    };
    expect(await call({ timeoutMs: 200 })).toEqual({ kind: 'broken', reason: 'timeout' });
    timers.forEach(clearInterval);
  });

  it('given a connection cut in mid-call, then it is broken; given nobody listening, then refused', async () => {
    server.onCall = (_seen, response) => response.destroy();
    expect(await call()).toMatchObject({ kind: 'broken' });
    const nobody = new UnityServer('http://127.0.0.1:9/mcp', {}, monotonicMs);
    const reply = await nobody
      .client('e', 'A@b')
      .callTool({ tool: 't', arguments: {}, meta: null, timeoutMs: 500, signal: never });
    expect(reply).toMatchObject({ kind: 'refused' });
    await nobody.close();
  });

  it('given an abort in mid-call, then the socket is closed and the call is broken; before it, nothing is sent', async () => {
    const closed: Promise<unknown>[] = [];
    const stop = new AbortController();
    server.onCall = (_seen, response) => {
      closed.push(once(response, 'close'));
      stop.abort();
    };
    expect(await call({ signal: stop.signal })).toEqual({ kind: 'broken', reason: 'aborted' });
    await closed[0];
    const before = server.seen.length;
    expect(await call({ signal: stop.signal })).toEqual({ kind: 'refused', reason: 'aborted' });
    expect(server.seen).toHaveLength(before);
  });

  it('given more calls than connections, then one aborted in the queue is never sent', async () => {
    await call();
    const held: ServerResponse[] = [];
    let heldAll: () => void = () => undefined;
    const allHeld = new Promise<void>((resolve) => {
      heldAll = resolve;
    });
    server.onCall = (_seen, response) => {
      held.push(response);
      if (held.length === 10) heldAll();
    };
    const busy = Array.from({ length: 10 }, () => call());
    await allHeld;
    const stop = new AbortController();
    const queued = call({ signal: stop.signal });
    stop.abort();
    expect(await queued).toEqual({ kind: 'refused', reason: 'aborted' });
    for (const response of held) response.destroy();
    await Promise.all(busy);
    expect(held).toHaveLength(10);
  });

  it('given an answer above 16 MiB, then the call ends as too large; a request above 4 MiB is not sent', async () => {
    server.onCall = (_seen, response) => {
      response.writeHead(200, { 'content-type': EVENT_STREAM });
      response.write(`data: "${'x'.repeat(17 * 1024 * 1024)}`);
    };
    expect(await call()).toMatchObject({ kind: 'answer_too_large' });
    const before = server.seen.length;
    expect(await call({ arguments: { contents: 'é'.repeat(2.2e6) } })).toMatchObject({
      kind: 'request_too_large',
    });
    expect(server.seen).toHaveLength(before);
  });

  it('given a server that fails the handshake, then the call itself is known not to be executed', async () => {
    server.onOther = (_seen, response) => response.writeHead(500).end();
    const wrong = new UnityServer(server.url.replace('/mcp', '/elsewhere'), {}, monotonicMs);
    const reply = await wrong
      .client('e', 'A@b')
      .callTool({ tool: 't', arguments: {}, meta: null, timeoutMs: 500, signal: never });
    expect(classify(reply)).toMatchObject({ kind: 'away' });
    await wrong.close();
  });
});

describe('pingEditor', () => {
  const json = (response: ServerResponse, status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const instances = { success: true, instances: [{ project: 'Game', hash: 'h1' }] };

  it('given the instance listed and a pong, then ready', async () => {
    server.onOther = (seen, response) =>
      json(
        response,
        200,
        seen.url === '/api/instances' ? instances : { status: 'success', result: { message: 'pong' } },
      );
    expect(await pingEditor(unity, 'e', 'Game@h1', never)).toMatchObject({ readiness: { state: 'ready' } });
    expect(server.seen.at(-1)?.message).toEqual({ type: 'ping', params: {}, unity_instance: 'Game@h1' });
  });

  it('given another project of the same name, then away, and it is not pinged', async () => {
    server.onOther = (_seen, response) => json(response, 200, instances);
    expect(await pingEditor(unity, 'e', 'Game@h2', never)).toMatchObject({
      readiness: { state: 'away' },
      unanswered: false,
    });
    expect(server.seen).toHaveLength(1);
  });

  it('given a ping that the editor did not answer, then away with a hint, and there', async () => {
    const late = {
      success: false,
      error: "Unity did not respond to 'ping' within 2.0s; please retry",
      hint: 'retry',
    };
    server.onOther = (seen, response) =>
      json(response, 200, seen.url === '/api/instances' ? instances : late);
    expect(await pingEditor(unity, 'e', 'Game@h1', never)).toMatchObject({
      readiness: { state: 'away', retryAfterMs: 500 },
      unanswered: true,
    });
  });

  it('given no REST side (hosted mode), then it is asked through MCP', async () => {
    expect(await pingEditor(unity, 'e', 'Game@h1', never)).toMatchObject({ readiness: { state: 'ready' } });
    expect(server.seen.at(-1)?.message.params).toMatchObject({ name: 'read_console' });
  });
});

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { events, openSession, post, rpc, sample, simulate } from './support.js';

async function connect(url: string) {
  const client = new Client({ name: 'oracle', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  return { client, transport };
}

describe('MCP Streamable HTTP, with the SDK client as the oracle', () => {
  it('given the SDK client, it shakes hands, lists tools and resources, calls a tool and ends its session', async () => {
    const simulator = await simulate();
    const { client, transport } = await connect(simulator.url);
    expect(client.getServerVersion()).toMatchObject({ name: 'mcp-for-unity-server' });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'create_script',
        'apply_text_edits',
        'manage_build',
        'set_active_instance',
        'batch_execute',
      ]),
    );
    expect(tools.find(({ name }) => name === 'create_script')?.inputSchema).toMatchObject({
      required: ['path', 'contents'],
      additionalProperties: false,
    });
    const result = await client.callTool({
      name: 'create_script',
      arguments: { path: 'Assets/Scripts/Foo.cs', contents: sample('Foo') },
    });
    expect(result.isError).toBe(false);
    expect(result.structuredContent).toEqual({
      success: true,
      message: "Script 'Foo.cs' created successfully at 'Assets/Scripts/Foo.cs'.",
      data: { uri: 'mcpforunity://path/Assets/Scripts/Foo.cs', scheduledRefresh: false },
    });
    const { contents } = await client.readResource({ uri: 'mcpforunity://editor/state' });
    const state = JSON.parse(String(contents[0] && 'text' in contents[0] ? contents[0].text : ''));
    expect(state.data.advice.ready_for_tools).toBe(true);
    await client.ping();
    await transport.terminateSession();
    await client.close();
  });

  it('given a forgotten session, the SDK client fails and a new one works', async () => {
    const simulator = await simulate();
    const { client } = await connect(simulator.url);
    await simulator.control('POST', '/faults', { tool: 'get_sha', fault: 'session_lost' });
    await expect(client.callTool({ name: 'get_sha', arguments: { uri: 'Assets/A.cs' } })).rejects.toThrow(
      /404|not found/i,
    );
    await expect(client.callTool({ name: 'get_sha', arguments: { uri: 'Assets/A.cs' } })).rejects.toThrow(
      /404|not found/i,
    );
    await client.close();
    const second = await connect(simulator.url);
    const result = await second.client.callTool({ name: 'get_sha', arguments: { uri: 'Assets/A.cs' } });
    expect(result.structuredContent).toMatchObject({
      success: false,
      error: "Script not found at 'Assets/A.cs'.",
    });
    await second.client.close();
  });

  it('given an image, the SDK client gets text and image and no structured content', async () => {
    const simulator = await simulate();
    const { client } = await connect(simulator.url);
    const result = await client.callTool({
      name: 'manage_camera',
      arguments: { action: 'screenshot', include_image: true, max_resolution: 64 },
    });
    const content = result.content as { type: string; mimeType?: string }[];
    expect(content.map(({ type }) => type)).toEqual(['text', 'image']);
    expect(content[1]?.mimeType).toBe('image/png');
    expect(result.structuredContent).toBeUndefined();
    await client.close();
  });
});

describe('MCP Streamable HTTP, odd requests', () => {
  it('given initialize, it answers 200 as an event stream with a session id and the asked protocol version', async () => {
    const simulator = await simulate();
    for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
      const response = await post(
        simulator.url,
        rpc('initialize', { protocolVersion: version, capabilities: {} }),
      );
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toContain('text/event-stream');
      expect(response.headers.get('mcp-session-id')).toMatch(/^[0-9a-f]{32}$/);
      expect(events(await response.text())[0]).toMatchObject({ result: { protocolVersion: version } });
    }
    const unknown = await post(
      simulator.url,
      rpc('initialize', { protocolVersion: '1999-01-01', capabilities: {} }),
    );
    expect(events(await unknown.text())[0]).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
  });

  it('given a notification, it answers 202 without a body', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    const response = await post(
      simulator.url,
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      session,
    );
    expect([response.status, await response.text()]).toEqual([202, '']);
  });

  it('given no session header, it answers 400 with a fresh session id that does not work', async () => {
    const simulator = await simulate();
    const response = await post(simulator.url, rpc('tools/list'));
    const fresh = response.headers.get('mcp-session-id') ?? '';
    expect(response.status).toBe(400);
    expect(fresh).toMatch(/^[0-9a-f]{32}$/);
    expect(await response.json()).toMatchObject({
      error: { code: -32600, message: 'Bad Request: Missing session ID' },
    });
    expect((await post(simulator.url, rpc('tools/list'), fresh)).status).toBe(404);
  });

  it('given an unknown or ended session, it answers 404 Session not found', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    const end = await fetch(simulator.url, { method: 'DELETE', headers: { 'mcp-session-id': session } });
    expect(end.status).toBe(200);
    for (const id of [session, 'nonsense']) {
      const response = await post(simulator.url, rpc('ping'), id);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: -32600, message: 'Session not found' } });
    }
  });

  it('given broken JSON, a batch, a wrong type, a wrong accept or a wrong method, it refuses each in its way', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    expect((await post(simulator.url, '{"jsonrpc":', session)).status).toBe(400);
    expect((await post(simulator.url, [rpc('ping')], session)).status).toBe(400);
    expect((await post(simulator.url, rpc('ping'), session, { 'content-type': 'text/plain' })).status).toBe(
      415,
    );
    expect((await post(simulator.url, rpc('ping'), session, { accept: 'application/json' })).status).toBe(
      406,
    );
    expect((await fetch(simulator.url, { method: 'PUT', body: '{}' })).status).toBe(405);
    expect(
      (await post(simulator.url, rpc('ping'), session, { 'mcp-protocol-version': '1999-01-01' })).status,
    ).toBe(400);
    const unknown = await post(simulator.url, rpc('no/such'), session);
    expect(events(await unknown.text())[0]).toMatchObject({ error: { code: -32601 } });
  });

  it('given a body above 4 MiB, it answers 413 in plain text', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    const args = { path: 'Assets/Big.cs', contents: 'x'.repeat(4 * 1024 * 1024) };
    const response = await post(
      simulator.url,
      rpc('tools/call', { name: 'create_script', arguments: args }),
      session,
    );
    expect(response.status).toBe(413);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await simulator.effects()).toEqual([]);
  });

  it('given a tool call, a log notification comes ahead of the answer', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    const call = rpc('tools/call', { name: 'get_sha', arguments: { uri: 'Assets/A.cs' } }, 7);
    const messages = events(await (await post(simulator.url, call, session)).text());
    expect(messages.map(({ method, id }) => method ?? id)).toEqual(['notifications/message', 7]);
  });

  it('given the same JSON-RPC id twice, it runs twice: there is no idempotency', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    const call = rpc('tools/call', { name: 'execute_menu_item', arguments: { menu_path: 'File/Save' } }, 9);
    for (let twice = 0; twice < 2; twice += 1) await (await post(simulator.url, call, session)).text();
    expect((await simulator.effects()).map(({ tool }) => tool)).toEqual([
      'execute_menu_item',
      'execute_menu_item',
    ]);
  });

  it('given a request from elsewhere (Host or Origin), it answers 403', async () => {
    const simulator = await simulate();
    const origin = await fetch(simulator.sim, { headers: { origin: 'http://evil.example' } });
    expect(origin.status).toBe(403);
    const near = await fetch(`${simulator.sim}/effects`, { headers: { origin: 'http://localhost:3000' } });
    expect(near.status).toBe(200);
  });
});

describe('arguments', () => {
  it('given an unknown, a missing or a mistyped argument, isError tells as FastMCP does', async () => {
    const simulator = await simulate();
    const bogus = await simulator.tool('manage_asset', { action: 'get_info', path: 'Assets', bogus: 1 });
    expect(bogus.isError).toBe(true);
    expect(bogus.body).toEqual({
      text: '1 validation error for call[manage_asset]\nbogus\n  Unexpected keyword argument',
    });
    const missing = await simulator.tool('create_script', { path: 'Assets/A.cs' });
    expect(missing.body).toEqual({
      text: '1 validation error for call[create_script]\ncontents\n  Missing required argument',
    });
    const mistyped = await simulator.tool('create_script', { path: 1, contents: 2 });
    expect(mistyped.isError).toBe(true);
    expect(String(mistyped.body['text'])).toContain('2 validation errors for call[create_script]');
    expect(await simulator.effects()).toEqual([]);
  });

  it('given an unknown tool, isError says so', async () => {
    const simulator = await simulate();
    const answer = await simulator.tool('no_such_tool', {}, { editor: null });
    expect([answer.isError, answer.body]).toEqual([true, { text: "Unknown tool: 'no_such_tool'" }]);
  });
});

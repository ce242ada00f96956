import { describe, expect, it } from 'vitest';
import { post, rpc, sample, simulate, type TestSimulator, until } from './support.js';

const PATH = 'Assets/Scripts/Foo.cs';
const create = (simulator: TestSimulator, path = PATH) =>
  simulator.tool(
    'create_script',
    { path, contents: sample('Foo') },
    { meta: { commandId: 'c', attempt: 1 } },
  );
const arm = (simulator: TestSimulator, fault: string, more: Record<string, unknown> = {}) =>
  simulator.control('POST', '/faults', { editor: 'default', tool: 'create_script', fault, ...more });

async function ping(
  simulator: TestSimulator,
  editor = 'default',
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(simulator.url.replace('/mcp', '/api/command'), {
    method: 'POST',
    body: JSON.stringify({ type: 'ping', unity_instance: await simulator.instance(editor) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const pongs = (simulator: TestSimulator) =>
  until(
    () => ping(simulator),
    ({ body }) => body['status'] === 'success',
  );

describe('faults on demand', () => {
  it('given latency, the call takes that long and is answered', async () => {
    const simulator = await simulate();
    await arm(simulator, 'latency', { ms: 120 });
    const from = performance.now();
    expect((await create(simulator)).body['success']).toBe(true);
    expect(performance.now() - from).toBeGreaterThan(110);
  });

  it('given lose_reply, it is done and the connection is cut', async () => {
    const simulator = await simulate();
    await arm(simulator, 'lose_reply');
    await expect(create(simulator)).rejects.toThrow();
    expect(await simulator.effects()).toMatchObject([{ path: PATH, commandId: 'c', attempt: 1 }]);
  });

  it('given disconnect, it is not done and the connection is cut', async () => {
    const simulator = await simulate();
    await arm(simulator, 'disconnect', { count: 2 });
    await expect(create(simulator)).rejects.toThrow();
    await expect(create(simulator)).rejects.toThrow();
    expect(await simulator.effects()).toEqual([]);
    expect((await create(simulator)).body['success']).toBe(true);
  });

  it('given ghost, it is told TimeoutError, is done all the same, and a ping answers only after that', async () => {
    const simulator = await simulate();
    await arm(simulator, 'ghost', { ms: 150 });
    const answer = await create(simulator);
    expect(answer.body).toEqual({ success: false, error: 'TimeoutError', hint: 'retry', data: null });
    expect(await simulator.effects()).toEqual([]);
    await pongs(simulator);
    expect(await simulator.effects()).toMatchObject([{ path: PATH }]);
  });

  it('given reload_before, it is told of a disconnect, nothing is done, and the editor is away for that time', async () => {
    const simulator = await simulate();
    await arm(simulator, 'reload_before', { ms: 200 });
    const answer = await create(simulator);
    expect(answer.isError).toBe(false);
    expect(String(answer.body['error'])).toMatch(
      /^Unity plugin session \S+ disconnected while awaiting command_result$/,
    );
    const instances = await (await fetch(simulator.url.replace('/mcp', '/api/instances'))).json();
    expect(instances).toEqual({ success: true, instances: [] });
    const away = await create(simulator);
    expect(away.isError).toBe(true);
    expect(String(away.body['text'])).toMatch(
      /^Instance 'default@[0-9a-f]{16}' not found\. Available: none\./,
    );
    expect((await ping(simulator)).status).toBe(503);
    await pongs(simulator);
    expect(await simulator.effects()).toEqual([]);
  });

  it.each([
    ['disconnected', /disconnected while awaiting/],
    ['verified', undefined],
  ])('given reload_after with reply %s, it is done once', async (reply, error) => {
    const simulator = await simulate();
    await arm(simulator, 'reload_after', { ms: 60, reply });
    const answer = await create(simulator);
    if (error === undefined) {
      expect(answer.body).toMatchObject({
        success: true,
        message: 'Script created (verified after domain reload).',
      });
    } else {
      expect(String(answer.body['error'])).toMatch(error);
    }
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given reload_after with a lost reply, it is done and the connection is cut', async () => {
    const simulator = await simulate();
    await arm(simulator, 'reload_after', { ms: 50, reply: 'lost' });
    await expect(create(simulator)).rejects.toThrow();
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given a verified reload over a file of somebody else, it answers a false success', async () => {
    const simulator = await simulate();
    await simulator.tool('create_script', { path: PATH, contents: 'class Other { }' });
    await arm(simulator, 'reload_before', { ms: 50, reply: 'verified' });
    expect((await create(simulator)).body['success']).toBe(true);
    expect((await simulator.file(PATH)).toString()).toBe('class Other { }');
  });

  it('given session_lost, this call and every session get 404 until a new initialize', async () => {
    const simulator = await simulate();
    await simulator.tool('get_sha', { uri: PATH });
    await arm(simulator, 'session_lost');
    await expect(create(simulator)).rejects.toThrow(/HTTP 404 .*Session not found/);
    expect((await create(simulator)).body['success']).toBe(true);
  });

  it('given busy, it is refused with the reason and when to retry', async () => {
    const simulator = await simulate();
    await arm(simulator, 'busy', { ms: 250 });
    expect((await create(simulator)).body).toMatchObject({
      success: false,
      error: 'busy',
      data: { reason: 'compiling', retry_after_ms: 250 },
    });
    expect(await simulator.effects()).toEqual([]);
  });

  it('given too_large, it is 413 plain text', async () => {
    const simulator = await simulate();
    await arm(simulator, 'too_large');
    await expect(create(simulator)).rejects.toThrow('HTTP 413 Request body too large');
  });

  it('given hang and a caller that gives up, it is done at the end, after which a ping answers', async () => {
    const simulator = await simulate({ callLimitMs: 50 });
    await simulator.tool('get_sha', { uri: PATH });
    await arm(simulator, 'hang', { ms: 200 });
    const params = { name: 'create_script', arguments: { path: PATH, contents: sample('Foo') } };
    const session = (
      await simulator.tool('set_active_instance', { instance: await simulator.instance() }, { editor: null })
    ).body.data?.['session_id'];
    const abandoned = fetch(simulator.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': String(session),
      },
      body: JSON.stringify(rpc('tools/call', params)),
      signal: AbortSignal.timeout(100),
    });
    await expect(abandoned).rejects.toThrow();
    expect(await simulator.effects()).toEqual([]);
    await pongs(simulator);
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given crash, the call and what waits behind it are not done, jobs are lost, and the editor comes back', async () => {
    const simulator = await simulate({ buildMs: 300 });
    const build = await simulator.tool('manage_build', {
      action: 'build',
      target: 'linux64',
      output_path: 'Builds/a',
    });
    await simulator.control('POST', '/faults', { tool: 'get_sha', fault: 'latency', ms: 100 });
    await arm(simulator, 'crash', { ms: 100 });
    const slow = simulator.tool('get_sha', { uri: PATH });
    const crashing = create(simulator).then(
      () => 'answered',
      () => 'cut',
    );
    const behind = create(simulator, 'Assets/Behind.cs');
    expect((await slow).body['success']).toBe(false);
    expect(await crashing).toBe('cut');
    expect(String((await behind).body['error'] ?? (await behind).body['text'])).toMatch(
      /disconnected|not found/,
    );
    await pongs(simulator);
    const job = build.body.data?.['job_id'];
    const status = await simulator.tool('manage_build', { action: 'status', job_id: job });
    expect(status.body['error']).toBe(`No job found with ID: ${String(job)}`);
    expect((await simulator.effects()).map(({ tool }) => tool)).toEqual(['manage_build']);
    await expect(simulator.file('Builds/a')).rejects.toThrow('ENOENT');
  });

  it('given a count, an editor and a tool, only those calls are hit; DELETE disarms', async () => {
    const simulator = await simulate({ editors: ['default', 'second'] });
    await arm(simulator, 'busy', { count: 3, editor: 'second' });
    expect((await create(simulator)).body['success']).toBe(true);
    const other = () =>
      simulator.tool('create_script', { path: PATH, contents: 'class A { }' }, { editor: 'second' });
    expect((await other()).body['error']).toBe('busy');
    expect((await simulator.tool('get_sha', { uri: PATH }, { editor: 'second' })).body['success']).toBe(
      false,
    );
    expect((await simulator.control('DELETE', '/faults')).body).toEqual({ cleared: 1 });
    expect((await other()).body['success']).toBe(true);
  });

  it('given a star, any tool is hit but no ping', async () => {
    const simulator = await simulate();
    await simulator.control('POST', '/faults', { editor: '*', tool: '*', fault: 'disconnect' });
    expect((await ping(simulator)).body['status']).toBe('success');
    await expect(simulator.tool('get_sha', { uri: PATH })).rejects.toThrow();
  });

  it('given nonsense, the control API refuses with 400', async () => {
    const simulator = await simulate();
    for (const body of [{ fault: 'no_such' }, { fault: 'busy', count: 0 }, { fault: 'busy', extra: 1 }]) {
      expect((await simulator.control('POST', '/faults', body)).status).toBe(400);
    }
    expect((await simulator.control('POST', '/reload', { editor: 'nobody', ms: 1 })).status).toBe(404);
    expect((await simulator.control('POST', '/editors', { editor: '../x' })).status).toBe(400);
  });
});

describe('one command at a time', () => {
  it('given a command queued behind a slow one, it gets TimeoutError at the limit and is still done later', async () => {
    const simulator = await simulate({ callLimitMs: 60 });
    await simulator.tool('get_sha', { uri: PATH });
    await simulator.control('POST', '/faults', { tool: 'get_sha', fault: 'hang', ms: 250 });
    const slow = simulator.tool('get_sha', { uri: PATH });
    await until(
      async () => (await simulator.control('GET', '/faults')).body['faults'],
      (left) => JSON.stringify(left) === '[]',
    );
    expect((await create(simulator)).body['error']).toBe('TimeoutError');
    expect(await simulator.effects()).toEqual([]);
    await slow;
    await pongs(simulator);
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given an editor that is busy, a ping fails fast and another editor is not slowed', async () => {
    const simulator = await simulate({ editors: ['default', 'second'], fastCallLimitMs: 50 });
    await simulator.control('POST', '/faults', {
      editor: 'default',
      tool: 'get_sha',
      fault: 'hang',
      ms: 20_000,
    });
    let over = false;
    const ended = (): void => {
      over = true;
    };
    // Cut off when the simulator is closed.
    void simulator.tool('get_sha', { uri: PATH }).then(ended, ended);
    await until(
      async () => (await simulator.control('GET', '/faults')).body['faults'],
      (left) => JSON.stringify(left) === '[]',
    );
    expect((await ping(simulator, 'second')).body).toEqual({
      status: 'success',
      result: { message: 'pong' },
    });
    expect((await ping(simulator)).body).toMatchObject({
      success: false,
      error: "Unity did not respond to 'ping' within 0.1s; please retry",
    });
    expect(over, 'the call it is busy with').toBe(false);
  });
});

describe('MCP posts that misbehave', () => {
  it('given a caller that hangs up in mid-body, the server goes on', async () => {
    const simulator = await simulate();
    const torn = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"jsonrpc"'));
        setTimeout(() => controller.error(new Error('gone')), 20);
      },
    });
    const init = {
      method: 'POST',
      body: torn,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    await expect(fetch(simulator.url, init as RequestInit)).rejects.toThrow();
    expect((await post(simulator.url, rpc('ping'), 'x')).status).toBe(404);
  });
});

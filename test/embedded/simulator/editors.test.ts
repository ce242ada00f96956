import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { events, openSession, post, rpc, sample, simulate, type TestSimulator, until } from './support.js';

const noInstance = { editor: null };
const PATH = 'Assets/Foo.cs';

const rest = async (simulator: TestSimulator, path: string, body?: unknown) => {
  const response = await fetch(simulator.url.replace('/mcp', path), {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe('editors', () => {
  it('given several, each has its own project and its id is Name@sha1 of the Assets path', async () => {
    const simulator = await simulate({ editors: ['default', 'second'] });
    for (const editor of ['default', 'second']) {
      const assets = join(simulator.projects[editor] ?? '', 'Assets');
      const hash = createHash('sha1').update(assets).digest('hex').slice(0, 16);
      expect(await simulator.instance(editor)).toBe(`${editor}@${hash}`);
      await simulator.tool('create_script', { path: PATH, contents: `class ${editor} { }` }, { editor });
      expect((await simulator.file(PATH, editor)).toString()).toBe(`class ${editor} { }`);
      expect((await simulator.file('ProjectSettings/ProjectVersion.txt', editor)).toString()).toContain(
        'm_EditorVersion',
      );
    }
  });

  it('given one added over the control API, it is there at once and again after a restart; adding is idempotent', async () => {
    const simulator = await simulate();
    const first = await simulator.control('POST', '/editors', { editor: 'third' });
    expect(first.body).toEqual({
      instance: expect.stringMatching(/^third@[0-9a-f]{16}$/),
      project: join(simulator.state, 'projects', 'third'),
    });
    expect((await simulator.control('POST', '/editors', { editor: 'third' })).body).toEqual(first.body);
    await simulator.stop();
    const again = await simulate({ stateDir: simulator.state });
    expect(Object.keys(again.projects)).toEqual(['default', 'third']);
  });

  it('given several and none chosen, a call is told to select an instance; after a choice it goes there', async () => {
    const simulator = await simulate({ editors: ['default', 'second'] });
    const none = await simulator.tool('get_sha', { uri: PATH }, noInstance);
    const instances = [await simulator.instance('default'), await simulator.instance('second')];
    expect(none.isError).toBe(false);
    expect(none.body).toMatchObject({
      success: false,
      hint: 'select_instance',
      data: { reason: 'instance_selection_required', available_instances: instances },
    });
    const chosen = await simulator.tool('set_active_instance', { instance: instances[1] }, noInstance);
    expect(chosen.body).toMatchObject({ success: true, data: { instance: instances[1] } });
    await simulator.tool('create_script', { path: PATH, contents: sample('Foo') }, noInstance);
    expect(await simulator.effects()).toMatchObject([{ editor: 'second' }]);
  });

  it('given one editor and none chosen, it is taken', async () => {
    const simulator = await simulate();
    expect(
      (await simulator.tool('create_script', { path: PATH, contents: sample('Foo') }, noInstance)).body[
        'success'
      ],
    ).toBe(true);
  });

  it('given an unknown instance, the argument is an error and the choice a failure', async () => {
    const simulator = await simulate();
    const session = await openSession(simulator.url);
    const call = (name: string, args: object) =>
      post(simulator.url, rpc('tools/call', { name, arguments: args }), session);
    const argument = events(await (await call('get_sha', { uri: PATH, unity_instance: 'x@00' })).text()).at(
      -1,
    );
    expect(argument).toMatchObject({ result: { isError: true } });
    expect(JSON.stringify(argument)).toContain("Instance 'x@00' not found");
    const prefix = events(await (await call('get_sha', { uri: PATH, unity_instance: 'zz' })).text()).at(-1);
    expect(JSON.stringify(prefix)).toContain("No running Unity instance matches 'zz'");
    const choice = events(await (await call('set_active_instance', { instance: 'x@00' })).text()).at(-1);
    expect(choice).toMatchObject({ result: { isError: false, structuredContent: { success: false } } });
  });

  it('given an editor that is away, a read waits and goes through, a script mutation is told no_unity_session', async () => {
    const simulator = await simulate({ awayReadWaitMs: 2_000, awayMutationWaitMs: 2_000 });
    await simulator.tool('get_sha', { uri: PATH }, noInstance);
    await simulator.control('POST', '/reload', { editor: 'default', ms: 100 });
    const read = simulator.tool('get_sha', { uri: PATH }, noInstance);
    const mutation = simulator.tool('create_script', { path: PATH, contents: sample('Foo') }, noInstance);
    expect((await read).body['error']).toBe(`Script not found at '${PATH}'.`);
    expect((await mutation).body).toEqual({
      success: false,
      error: 'Unity session not available; please retry',
      hint: 'retry',
      data: { reason: 'no_unity_session', retry_after_ms: 250 },
    });
    expect(await simulator.effects()).toEqual([]);
  });

  it('given an editor away for longer than a call waits, a read is told no_unity_session', async () => {
    const simulator = await simulate({ awayReadWaitMs: 50 });
    await simulator.tool('get_sha', { uri: PATH }, noInstance);
    await simulator.control('POST', '/reload', { editor: 'default', ms: 400 });
    const read = await simulator.tool('get_sha', { uri: PATH }, noInstance);
    expect(read.body).toMatchObject({ success: false, data: { reason: 'no_unity_session' } });
  });

  it('given a reload while a call is under way, the call is told of the disconnect and never runs', async () => {
    const simulator = await simulate();
    await simulator.tool('get_sha', { uri: PATH });
    await simulator.control('POST', '/faults', { tool: 'create_script', fault: 'latency', ms: 100 });
    const call = simulator.tool('create_script', { path: PATH, contents: sample('Foo') });
    await until(
      async () => (await simulator.control('GET', '/faults')).body['faults'],
      (left) => JSON.stringify(left) === '[]',
    );
    await simulator.control('POST', '/reload', { editor: 'default', ms: 150 });
    expect(String((await call).body['error'])).toMatch(/disconnected while awaiting command_result$/);
    await until(
      () => rest(simulator, '/api/instances'),
      ({ body }) => (body['instances'] as unknown[]).length === 1,
    );
    expect(await simulator.effects()).toEqual([]);
  });

  it('given reloads after script mutations, the answer comes first, then the editor is away', async () => {
    const simulator = await simulate({ reloadAfterScriptMs: 80 });
    const before = await rest(simulator, '/api/instances');
    expect(
      (await simulator.tool('create_script', { path: PATH, contents: sample('Foo') })).body['success'],
    ).toBe(true);
    await until(
      () => rest(simulator, '/api/instances'),
      ({ body }) => (body['instances'] as unknown[]).length === 0,
    );
    const after = await until(
      () => rest(simulator, '/api/instances'),
      ({ body }) => (body['instances'] as unknown[]).length === 1,
    );
    expect(JSON.stringify(after.body)).not.toBe(JSON.stringify(before.body));
  });
});

describe('REST', () => {
  it('given /health, it tells the version of the product, not of the framework', async () => {
    const simulator = await simulate();
    const { body } = await rest(simulator, '/health');
    expect(body).toMatchObject({ status: 'healthy', version: '10.1.0' });
    const session = await post(
      simulator.url,
      rpc('initialize', { protocolVersion: '2025-06-18', capabilities: {} }),
    );
    const hello = events(await session.text())[0] as { result: { serverInfo: { version: string } } };
    expect(hello.result.serverInfo.version).not.toBe(body['version']);
  });

  it('given a command without an instance, the first editor takes it silently; with an unknown one it is 404', async () => {
    const simulator = await simulate({ editors: ['default', 'second'] });
    const params = { menu_path: 'Window/General/Console' };
    const first = await rest(simulator, '/api/command', {
      type: 'execute_menu_item',
      params,
      _meta: { commandId: 'x' },
    });
    expect(first.body).toMatchObject({ status: 'success', result: { success: true } });
    expect(await simulator.effects()).toMatchObject([
      { editor: 'default', path: null, commandId: 'x', attempt: null },
    ]);
    const unknown = await rest(simulator, '/api/command', { type: 'ping', unity_instance: 'third@00' });
    expect([unknown.status, unknown.body]).toEqual([
      404,
      { success: false, error: "Unity instance 'third@00' not found" },
    ]);
    expect((await rest(simulator, '/api/command', { params: {} })).status).toBe(400);
    const nonsense = await rest(simulator, '/api/command', { type: 'no_such' });
    expect(nonsense.body['success']).toBe(false);
  });

  it('given opaque tools, each run is an effect; given reads and refusals, none is', async () => {
    const simulator = await simulate();
    await simulator.tool('execute_code', { code: 'return 1;' });
    await simulator.tool('execute_menu_item', { menu_path: 'A/B' });
    await simulator.tool('read_console', { action: 'get' });
    await simulator.tool('manage_scene', { action: 'get_active' });
    await simulator.tool('delete_script', { uri: 'Assets/None.cs' });
    expect((await simulator.effects()).map(({ tool }) => tool)).toEqual([
      'execute_code',
      'execute_menu_item',
    ]);
    expect((await simulator.effects(1)).map(({ n }) => n)).toEqual([2]);
  });
});

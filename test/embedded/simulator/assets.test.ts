import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, simulate, type TestSimulator, until } from './support.js';

const asset = (simulator: TestSimulator, args: Record<string, unknown>) =>
  simulator.tool('manage_asset', args);
const project = (simulator: TestSimulator): string => simulator.projects['default'] ?? '';

async function stage(simulator: TestSimulator, path: string, bytes: string): Promise<void> {
  await mkdir(join(project(simulator), path, '..'), { recursive: true });
  await writeFile(join(project(simulator), path), bytes);
}

describe('assets', () => {
  it('given a file staged on disk, import gives it and its new folder a .meta, once', async () => {
    const simulator = await simulate();
    await stage(simulator, 'Assets/Textures/New/a.png', 'png');
    expect(
      (await asset(simulator, { action: 'get_info', path: 'Assets/Textures/New/a.png' })).body['success'],
    ).toBe(false);
    const first = await asset(simulator, { action: 'import', path: 'Textures/New/a.png' });
    expect(first.body.data).toMatchObject({
      path: 'Assets/Textures/New/a.png',
      assetType: 'UnityEngine.Texture2D',
    });
    const again = await asset(simulator, { action: 'import', path: 'Assets/Textures/New/a.png' });
    expect(again.body.data?.['guid']).toBe(first.body.data?.['guid']);
    expect(await filesBelow(join(project(simulator), 'Assets/Textures'))).toEqual([
      'New.meta',
      'New/a.png',
      'New/a.png.meta',
    ]);
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given a move, bytes and guid go along; given a taken or foreign destination, it is refused', async () => {
    const simulator = await simulate();
    await asset(simulator, { action: 'create', path: 'Assets/Materials/Red.mat', asset_type: 'Material' });
    const before = await asset(simulator, { action: 'get_info', path: 'Assets/Materials/Red.mat' });
    const moved = await asset(simulator, {
      action: 'move',
      path: 'Assets/Materials/Red.mat',
      destination: 'Assets/New/Blue.mat',
    });
    expect(moved.body.data).toMatchObject({ path: 'Assets/New/Blue.mat', guid: before.body.data?.['guid'] });
    for (const destination of ['Assets/Materials/Default.mat', '../out.mat', '/tmp/out.mat']) {
      const refusal = await asset(simulator, { action: 'move', path: 'Assets/New/Blue.mat', destination });
      expect(refusal.body['success']).toBe(false);
    }
    expect(await simulator.effects()).toMatchObject([
      { path: 'Assets/Materials/Red.mat' },
      { path: 'Assets/New/Blue.mat' },
    ]);
    await asset(simulator, { action: 'delete', path: 'Assets/New' });
    expect(
      (await filesBelow(join(project(simulator), 'Assets'))).filter((file) => file.startsWith('New')),
    ).toEqual([]);
  });

  it('given a search, pattern, type and pages are honoured', async () => {
    const simulator = await simulate();
    const found = async (args: Record<string, unknown>) => {
      const answer = await asset(simulator, { action: 'search', path: 'Assets', ...args });
      const assets = (answer.body.data?.['assets'] ?? []) as { path: string }[];
      return assets.map(({ path }) => path);
    };
    expect(await found({ search_pattern: '*.prefab' })).toEqual(['Assets/Prefabs/Crate.prefab']);
    expect(await found({ search_pattern: 't:Material' })).toEqual(['Assets/Materials/Default.mat']);
    expect(await found({ page_size: 1, page_number: 2 })).toHaveLength(1);
  });

  it('given a model on disk, it is imported under Assets and a taken name gets _1', async () => {
    const simulator = await simulate();
    const source = join(simulator.state, 'rock.obj');
    await writeFile(source, 'v 0 0 0\n');
    const load = () =>
      simulator.tool('import_model_file', { source_path: source, output_folder: 'Assets/Models' });
    expect((await load()).body.data).toEqual({
      asset_path: 'Assets/Models/rock.obj',
      asset_guid: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect((await load()).body.data?.['asset_path']).toBe('Assets/Models/rock_1.obj');
    const none = await simulator.tool('import_model_file', {
      source_path: join(simulator.state, 'none.obj'),
    });
    expect(none.body['success']).toBe(false);
  });

  it('given files put in and taken out from outside, a refresh makes and drops .meta files', async () => {
    const simulator = await simulate();
    await stage(simulator, 'Assets/Scripts/Staged.cs', 'class Staged { }');
    await stage(simulator, 'Assets/Scripts/Gone.cs.meta', 'guid: 0\n');
    const refresh = await simulator.tool('refresh_unity', {});
    expect(refresh.body.data).toMatchObject({ imported: 1, removed_metas: 1 });
    expect(await filesBelow(join(project(simulator), 'Assets/Scripts'))).toEqual([
      'Staged.cs',
      'Staged.cs.meta',
    ]);
    expect((await simulator.tool('refresh_unity', {})).body['success']).toBe(true);
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given a prefab, its info, hierarchy and components are told', async () => {
    const simulator = await simulate();
    const path = 'Assets/Prefabs/Crate.prefab';
    const info = await simulator.tool('manage_prefabs', { action: 'get_info', prefab_path: path });
    expect(info.body.data).toMatchObject({ assetPath: path, rootObjectName: 'Crate', childCount: 1 });
    const tree = await simulator.tool('manage_prefabs', { action: 'get_hierarchy', prefab_path: path });
    expect(((tree.body.data?.['items'] ?? []) as { path: string }[]).map((item) => item.path)).toEqual([
      'Crate',
      'Crate/Lid',
    ]);
    const components = await asset(simulator, { action: 'get_components', path });
    expect(JSON.stringify(components.body)).toContain('UnityEngine.MeshRenderer');
  });
});

describe('builds and tests', () => {
  const build = (simulator: TestSimulator, output: string, target = 'linux64') =>
    simulator.tool('manage_build', { action: 'build', target, output_path: output });
  const status = (simulator: TestSimulator, job?: unknown) =>
    simulator.tool('manage_build', { action: 'status', ...(job === undefined ? {} : { job_id: job }) });

  it('given a build, it is pending, then succeeded, its files are real and one effect is logged', async () => {
    const simulator = await simulate({ buildMs: 1_500 });
    const started = await build(simulator, 'Builds/c-1/game');
    expect(started.body).toMatchObject({
      success: true,
      _mcp_status: 'pending',
      _mcp_poll_interval: 5,
      message: 'Build scheduled for StandaloneLinux64. Polling for completion...',
      data: { job_id: expect.stringMatching(/^build-[0-9a-f]{10}$/), platform: 'StandaloneLinux64' },
    });
    const job = started.body.data?.['job_id'];
    expect((await status(simulator, job)).body).toMatchObject({
      _mcp_status: 'pending',
      data: { result: 'building' },
    });
    expect((await build(simulator, 'Builds/c-2/game')).body['error']).toBe('A build is already in progress.');
    const done = await until(
      () => status(simulator, job),
      ({ body }) => body['_mcp_status'] === undefined,
    );
    expect(done.body.data).toMatchObject({ result: 'succeeded', output_path: 'Builds/c-1/game', errors: 0 });
    expect((await simulator.file('Builds/c-1/game')).toString()).toContain(`job=${String(job)}`);
    const console = await simulator.tool('read_console', { filter_text: '[MCP Build]' });
    expect(JSON.stringify(console.body)).toContain('Builds/c-1/game');
    expect(await simulator.effects()).toMatchObject([{ tool: 'manage_build', path: 'Builds/c-1/game' }]);
  });

  it('given a reload, the job is forgotten but the output still comes', async () => {
    const simulator = await simulate({ buildMs: 80 });
    const job = (await build(simulator, 'Builds/web', 'webgl')).body.data?.['job_id'];
    await simulator.control('POST', '/reload', { editor: 'default', ms: 10 });
    const lost = await until(
      () => status(simulator, job),
      ({ isError }) => !isError,
    );
    expect(lost.body['error']).toBe(`No job found with ID: ${String(job)}`);
    await until(
      () => simulator.file('Builds/web/index.html').catch(() => undefined),
      (bytes) => bytes !== undefined,
    );
  });

  it.each(['../out', '/tmp/out', 'Assets/out', 'ProjectSettings', '.'])(
    'given the output path %s, it refuses',
    async (output) => {
      const simulator = await simulate();
      expect((await build(simulator, output)).body).toMatchObject({ success: false, code: 'bad_path' });
      expect((await build(simulator, 'Builds/x', 'amiga')).body['success']).toBe(false);
    },
  );

  it('given a test run, mutations are refused until it is over', async () => {
    const simulator = await simulate({ testsMs: 80 });
    const job = (await simulator.tool('run_tests', { mode: 'EditMode' })).body.data?.['job_id'];
    const refusal = await asset(simulator, { action: 'create_folder', path: 'Assets/F' });
    expect(refusal.body).toMatchObject({
      error: 'busy',
      data: { reason: 'tests_running', retry_after_ms: 5000 },
    });
    await until(
      () => simulator.tool('get_test_job', { job_id: job }),
      ({ body }) => body.data?.['status'] === 'succeeded',
    );
    expect((await asset(simulator, { action: 'create_folder', path: 'Assets/F' })).body['success']).toBe(
      true,
    );
  });
});

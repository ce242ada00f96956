import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadPresets, type PresetLibrary } from '../../src/presets/library.js';
import { type FakeSpark, type Handler, json, problem, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
let presets: PresetLibrary;
let server: FakeSpark | undefined;
beforeAll(async () => {
  presets = await loadPresets();
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
const serve = async (handlers: Record<string, Handler>): Promise<FakeSpark> => {
  server = await startFakeSpark(handlers);
  return server;
};

describe('spark preset', () => {
  it('given list, then each preset is a line with its size and folder', async () => {
    const items = presets.list().map((each) => ({ ...each, files: each.files.length }));
    const { url } = await serve({ 'GET /v1/presets': (_, response) => json(response, 200, { items }) });
    const ran = await spark(['preset', 'list'], { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.out).toMatch(/^platformer-2d +2D Platformer +\d+ +[\d.]+ KB +Assets\/Spark\/Platformer2D$/m);
    expect(ran.out.trim().split('\n')).toHaveLength(4);
  });

  it('given show, then its files, textures, scene and build are told', async () => {
    const { url, seen } = await serve({
      'GET /v1/presets/': (_, response) => json(response, 200, presets.describe('top-down-action')),
    });
    const ran = await spark(['preset', 'show', 'top-down-action'], { url });
    expect(seen[0]?.path).toBe('/v1/presets/top-down-action');
    expect(ran.out).toMatch(/Scripts\/EnemyAI\.cs +[\d.]+ KB$/m);
    expect(ran.out).toMatch(/Tiles\.png +[\d.]+ KB +512 x 512 px, point filter$/m);
    expect(ran.out).toMatch(/TopDown\.unity +[\d.]+ KB +scene$/m);
    expect(ran.out).toContain('Build: webgl, gzip compression, at most 256 MB of memory');
    const machine = await spark(['preset', 'show', 'top-down-action', '--json'], { url });
    expect(JSON.parse(machine.out)).toEqual(presets.describe('top-down-action'));
  });

  it('given apply, then the session, the folder and the key are sent, and how to follow and undo it is said', async () => {
    const { url, seen } = await serve({
      'POST /v1/presets/': (_, response) =>
        json(response, 202, { commandId: ID, status: 'accepted', duplicate: false }),
    });
    const ran = await spark(
      ['preset', 'apply', 'platformer-2d', '-s', 'demo', '-e', 'left', '-f', 'Assets/Games/Jump', '-k', 'k1'],
      { url },
    );
    expect(ran.exitCode).toBe(0);
    expect(seen[0]?.path).toBe('/v1/presets/platformer-2d/apply');
    expect(seen[0]?.headers['idempotency-key']).toBe('k1');
    expect(seen[0]?.body).toEqual({
      sessionId: 'demo',
      editor: 'left',
      targetFolder: 'Assets/Games/Jump',
    });
    expect(ran.out).toContain('spark undo demo');
  });

  it('given no session, then it is a usage error and nothing is sent', async () => {
    const { url, seen } = await serve({});
    const ran = await spark(['preset', 'apply', 'platformer-2d'], { url });
    expect([ran.exitCode, seen.length]).toEqual([2, 0]);
    expect(ran.err).toContain('--session');
  });

  it('given an unknown preset, then the answer is shown and the exit code is 1', async () => {
    const { url } = await serve({
      'GET /v1/presets/': (_, response) =>
        problem(response, 404, { code: 'not_found', detail: 'there is no preset "chess"' }),
    });
    const ran = await spark(['preset', 'show', 'chess'], { url });
    expect(ran.exitCode).toBe(1);
    expect(ran.err).toContain('there is no preset "chess"');
  });
});

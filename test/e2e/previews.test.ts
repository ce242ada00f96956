import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const home = newHome();
let spark: Spark;

beforeAll(async () => {
  spark = await Spark.start({ home });
});
afterAll(async () => {
  await spark.stop();
  removeHome(home);
});

const view = { width: 320, height: 180 };
const render = async (payload: object = view, sessionId = 'demo', editor = 'default') => {
  const { status, body } = await spark.submitAndWait({
    ...{ type: 'unity.render_preview', sessionId, editor, payload },
  });
  expect([status, body['state']]).toEqual([200, 'completed']);
  return body['result'] as { cached: boolean; frameRef: string; sha256: string; bytes: number };
};
let scripts = 0;
const mutate = async () => {
  const name = `Made${++scripts}`;
  const payload = { name, path: `Assets/Scripts/${name}.cs`, code: `public class ${name} {}\n` };
  const { body } = await spark.submitAndWait({ type: 'unity.generate_script', sessionId: 'maker', payload });
  expect(body['state']).toBe('completed');
};
const lookups = async (result: string): Promise<number> => {
  const text = String((await spark.http('/metrics')).body);
  return Number(new RegExp(`spark_preview_cache_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
};

describe('previews', () => {
  it('given the same view twice, then the second is a hit: the same picture, no call, and fast', async () => {
    const first = await render();
    const beganMs = performance.now();
    const second = await render();
    console.log(`a hit took ${(performance.now() - beganMs).toFixed(1)} ms over HTTP (target 500 ms)`);
    expect([first.cached, second.cached]).toEqual([false, true]);
    expect(second.sha256).toBe(first.sha256);
    expect([await lookups('miss'), await lookups('hit')]).toEqual([1, 1]);
  });

  it('given a mutation in between, then a miss; another size or session of the same view, then its own and the shared one', async () => {
    await mutate();
    expect((await render()).cached).toBe(false);
    expect((await render({ ...view, width: 321 })).cached).toBe(false);
    expect((await render(view, 'another-session')).cached).toBe(true);
  });

  it('given a domain reload, then a miss: somebody may have changed anything meanwhile', async () => {
    expect((await render()).cached).toBe(true);
    await spark.sim('reload', { editor: 'default', ms: 300 });
    // Both the reload and its end have been seen by then.
    await eventually(async () => expect((await render()).cached).toBe(false));
    expect((await render()).cached).toBe(true);
  });

  it('given equal requests of several sessions that wait together, then one render', async () => {
    await mutate();
    const [misses, shared] = [await lookups('miss'), await lookups('shared')];
    await spark.sim('faults', {
      editor: 'default',
      tool: 'manage_camera',
      fault: 'latency',
      ms: 800,
      count: 1,
    });
    const results = await Promise.all(
      ['a', 'b', 'c', 'd'].map((session) => render(view, `together-${session}`)),
    );
    expect(results.filter(({ cached }) => !cached)).toHaveLength(1);
    expect(new Set(results.map(({ sha256 }) => sha256)).size).toBe(1);
    expect((await lookups('miss')) - misses).toBe(1);
    expect((await lookups('shared')) - shared).toBe(3);
  });

  it('given a scene by path, then a hit; its file written by hand, then a miss', async () => {
    const scenePath = 'Assets/Scenes/SampleScene.unity';
    const file = join(spark.endpoints.unityProjects['default'] ?? '', scenePath);
    expect(existsSync(file)).toBe(true);
    await render({ ...view, scenePath });
    expect((await render({ ...view, scenePath })).cached).toBe(true);
    utimesSync(file, new Date(), new Date(Date.now() + 5_000));
    expect((await render({ ...view, scenePath })).cached).toBe(false);
  });

  it('given a preview, then its picture is served by content with an ETag, and viewers are told of each frame', async () => {
    const nats = await spark.nats();
    const frames: Record<string, unknown>[] = [];
    nats.subscribe('spark.preview.unity.frame.viewed', {
      callback: (_error, message) => {
        frames.push(message.json<Record<string, unknown>>());
      },
    });
    await nats.flush();
    const [miss, hit] = [
      await render({ ...view, height: 100 }, 'viewed'),
      await render({ ...view, height: 100 }, 'viewed'),
    ];
    await eventually(() => expect(frames).toHaveLength(2));
    expect(frames.map(({ frameRef }) => frameRef)).toEqual([miss.frameRef, hit.frameRef]);
    const { http, token } = spark.endpoints;
    const get = (headers: Record<string, string> = {}) =>
      fetch(`${http}${hit.frameRef}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
    const picture = await get();
    expect([picture.status, picture.headers.get('etag')]).toEqual([200, `"${hit.sha256}"`]);
    expect((await picture.arrayBuffer()).byteLength).toBe(hit.bytes);
    expect((await get({ 'if-none-match': `"${hit.sha256}"` })).status).toBe(304);
  });

  it('given the read model, then it tells hits from misses, on the standby too', async () => {
    await eventually(async () => {
      const rows = await spark.sql<{ cached: boolean; count: string }>(
        `SELECT cached, count(*) FROM spark_previews WHERE session_id = 'viewed' GROUP BY cached ORDER BY cached`,
      );
      expect(rows).toEqual([
        { cached: false, count: '1' },
        { cached: true, count: '1' },
      ]);
    });
  });

  it('given `spark preview`, then the picture is saved; `spark editors` lists, pauses and resumes', async () => {
    const file = join(home, 'now.png');
    const ran = await runCli(home, ['preview', '--size', '200x100', '--out', file]);
    expect([ran.code, ran.err.includes('error')]).toEqual([0, false]);
    expect(ran.out).toMatch(/now\.png {2}\d+ × \d+ px/);
    expect(readFileSync(file).subarray(1, 4).toString()).toBe('PNG');
    const listed = await runCli(home, ['editors']);
    expect(listed.out).toMatch(/^EDITOR +HEALTH/);
    expect(listed.out).toMatch(/^default +ready/m);
    expect((await runCli(home, ['editors', 'pause', 'default', '--reason', 'lunch'])).out).toMatch(
      /paused +by .*lunch/,
    );
    const late = await runCli(home, ['preview', '--size', '64x64', '--wait', '2']);
    expect([late.code, late.out + late.err]).toEqual([4, expect.stringContaining('is paused by')]);
    expect((await runCli(home, ['editors', 'resume', 'default'])).code).toBe(0);
    const shown = JSON.parse((await runCli(home, ['editors', 'show', 'default', '--json'])).out);
    expect(shown).toMatchObject({ editor: 'default', paused: null });
    expect((await runCli(home, ['editors', 'show', 'nobody'])).code).toBe(1);
  });
});

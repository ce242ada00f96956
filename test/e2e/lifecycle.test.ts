import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { alive, type Endpoints, eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { endpointsFile, gone } from './support/home.js';
import { GENERATE, newScript as script } from './support/scripts.js';

/** A process that is there after this was left behind. */
const GONE_MS = 30_000;

const pidsOf = (spark: Spark): number[] =>
  Object.values(spark.readEndpoints().pids).flatMap((pid) => pid ?? []);

describe('a home from its first start to its last', () => {
  const home = newHome();
  let spark: Spark;

  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  it('given a new home, the first start tells what runs and where, shows the demo step by step and says what to try', async () => {
    spark = Spark.launch({ home, args: [] });
    expect(existsSync(endpointsFile(home)), 'endpoints.json before it is ready').toBe(false);
    await spark.ready();
    const { http, token } = spark.endpoints;
    expect((await spark.http('/readyz', { token: null })).status).toBe(200);
    await eventually(() => expect(spark.output).toContain('Ctrl-C stops everything'), { timeoutMs: 60_000 });
    for (const text of [
      `SPARK 0.1.0 is ready`,
      http,
      token,
      'nats-server 2.',
      'streaming standby',
      'the simulator',
      '✓ wrote Assets/SparkDemo/PlayerController.cs',
      '✓ wrote Assets/SparkDemo/CameraFollow.cs',
      '✓ wrote Assets/SparkDemo/Spinner.cs',
      '✓ took a picture of the scene',
      '✓ patched the player',
      '✓ undid that',
      'answered by the standby',
      'generate_unity_script',
    ])
      expect(spark.output).toContain(text);
    expect(spark.output).not.toContain('✗');
    // The undo log it shows is not empty.
    expect(spark.output).toMatch(/undone +unity\.apply_patch +Assets\/SparkDemo\/PlayerController\.cs/);
    expect(spark.output).toMatch(/applied +unity\.generate_script +Assets\/SparkDemo\/Spinner\.cs/);
    expect(spark.file('Assets/SparkDemo/PlayerController.cs')?.toString()).toContain('speed = 5f');
    const picture = /open it: (.*\.png)/.exec(spark.output)?.[1] ?? '';
    expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG');
    const [{ frame_sha256: sha } = {}] = await spark.sql(
      "SELECT frame_sha256 FROM spark_previews WHERE session_id = 'demo'",
    );
    const served = await spark.http(`/v1/frames/${String(sha)}`);
    expect(served).toMatchObject({ status: 200 });
    expect(served.headers.get('content-type')).toBe('image/png');
  });

  it('endpoints.json has every field that is promised, is its owner’s alone, and what it names answers', async () => {
    const endpoints = spark.readEndpoints() as Endpoints & Record<string, unknown>;
    expect(statSync(endpointsFile(home)).mode & 0o777).toBe(0o600);
    expect(Object.keys(endpoints).sort()).toEqual(
      [
        'http',
        'token',
        'nats',
        'natsUser',
        'natsPassword',
        'natsInboxPrefix',
        'natsWs',
        'postgres',
        'replica',
        'unityMcp',
        'unitySimulator',
        'unityProjects',
        'effectLog',
        'cvService',
        'asrService',
        'pids',
      ].sort(),
    );
    expect(Object.keys(endpoints.pids).sort()).toEqual([
      'main',
      'nats',
      'postgres',
      'replica',
      'services',
      'simulator',
    ]);
    expect(endpoints.pids.main).toBe(spark.child.pid);
    expect(pidsOf(spark).filter(alive)).toHaveLength(6);
    for (const url of [
      endpoints.http,
      endpoints.nats,
      String(endpoints['natsWs']),
      endpoints.postgres,
      endpoints.replica,
      endpoints.unityMcp,
      endpoints.unitySimulator,
    ])
      expect(new URL(url).hostname).toMatch(/^(127\.0\.0\.1|localhost)$/);
    expect(existsSync(join(endpoints.unityProjects['default'] ?? '', 'Assets'))).toBe(true);
    expect(readFileSync(endpoints.effectLog, 'utf8').trim().split('\n')).toHaveLength(
      (await spark.effects()).length,
    );
    expect(await upgrades(String(endpoints['natsWs']), endpoints.http)).toBe(true);
    expect(await upgrades(String(endpoints['natsWs']), 'http://evil.example'), 'a foreign page').toBe(false);
  });

  it('given a second start on the live home, it exits 5, says who holds it, and disturbs nothing', async () => {
    const before = readFileSync(endpointsFile(home), 'utf8');
    const second = await runCli(home, ['start']);
    expect(second.code).toBe(5);
    expect(second.err).toContain(String(spark.endpoints.pids.main));
    expect(second.err.trim().split('\n')).toHaveLength(1);
    const fresh = await runCli(home, ['start', '--fresh']);
    expect(fresh.code).toBe(5);
    expect(readFileSync(endpointsFile(home), 'utf8')).toBe(before);
    expect(
      (
        await spark.submitAndWait({
          type: GENERATE,
          sessionId: 'second-start',
          payload: script('StillThere'),
        })
      ).status,
    ).toBe(200);
  });

  it('given Ctrl-C twice within a second, it stops once, cleanly, and leaves nothing behind (the time it takes is told)', async () => {
    const pids = pidsOf(spark);
    await spark.closeClients();
    const began = performance.now();
    spark.child.kill('SIGINT');
    setTimeout(() => spark.child.kill('SIGINT'), 100);
    expect(await spark.exited).toEqual({ code: 0, signal: null });
    console.log(`stopped within ${Math.round(performance.now() - began)} ms (target 2 s)`);
    expect(existsSync(endpointsFile(home))).toBe(false);
    await gone(pids, GONE_MS);
    expect(spark.output.match(/^stopping/gm)).toHaveLength(1);
    expect(spark.output).not.toContain('forced');
  });

  it('given another start, everything is still there, the addresses too, and the demo does not run again', async () => {
    const { http, token, nats, unityMcp } = spark.endpoints;
    spark = await Spark.start({ home, args: [] });
    await eventually(() => expect(spark.output).toContain('Ctrl-C stops everything'));
    expect(spark.output).not.toContain('A demo on the simulated project');
    expect(spark.endpoints).toMatchObject({ http, token, nats, unityMcp });
    expect(await spark.sql("SELECT state FROM spark_commands WHERE session_id = 'second-start'")).toEqual([
      { state: 'completed' },
    ]);
    expect(spark.file('Assets/StillThere.cs')?.toString()).toBe(script('StillThere').code);
    expect(
      (await spark.submitAndWait({ type: 'session.undo', sessionId: 'second-start', payload: {} })).status,
    ).toBe(200);
    expect(spark.file('Assets/StillThere.cs')).toBeUndefined();
  });

  it('given kill -9, its children are gone within seconds, and the next start finishes what was acked, once', async () => {
    const pids = pidsOf(spark);
    await spark.sim('faults', { editor: 'default', tool: '*', fault: 'latency', count: 1, ms: 1_500 });
    const acks = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        spark.publish({ type: GENERATE, session: 'killed' }, script(`Killed${n}`), {
          'Nats-Msg-Id': `killed-${n}`,
        }),
      ),
    );
    expect(acks.every(({ seq }) => seq > 0)).toBe(true);
    await spark.kill9();
    await gone(pids, GONE_MS);

    spark = await Spark.start({ home });
    await eventually(
      async () =>
        expect(
          await spark.sql(
            "SELECT state, count(*)::int AS n FROM spark_commands WHERE session_id = 'killed' GROUP BY state",
          ),
        ).toEqual([{ state: 'completed', n: 5 }]),
      { timeoutMs: 60_000 },
    );
    for (let n = 0; n < 5; n++) {
      const { path, code } = script(`Killed${n}`);
      expect(spark.file(path)?.toString()).toBe(code);
      expect((await spark.effects()).filter((effect) => effect.path === path)).toHaveLength(1);
    }
  });

  it('given SIGTERM, it ends as with Ctrl-C; a token that was given holds', async () => {
    const pids = pidsOf(spark);
    expect(await spark.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await gone(pids, GONE_MS);
    expect(existsSync(endpointsFile(home))).toBe(false);
    const env = { SPARK_TOKEN: 'a-token-of-my-own-choice' };
    spark = await Spark.start({ home, env });
    expect(spark.endpoints.token).toBe(env.SPARK_TOKEN);
    expect((await spark.http('/v1/commands')).status).toBe(200);
  });

  it('given SIGINT while it is still starting, it ends without leaving anything behind', async () => {
    await spark.stop();
    spark = Spark.launch({ home });
    const children = await eventually(() => {
      const pids = childPidsOf(home).filter(alive);
      expect(pids.length).toBeGreaterThan(0);
      return pids;
    });
    spark.child.kill('SIGINT');
    expect((await spark.exited).code, spark.output).toBe(0);
    await gone([...children, ...childPidsOf(home)], GONE_MS);
    expect(existsSync(endpointsFile(home))).toBe(false);
  });

  it('given --fresh, everything is forgotten: commands, files, effects, passwords', async () => {
    spark = await Spark.start({ home });
    const { token } = spark.endpoints;
    expect((await spark.sql('SELECT 1 FROM spark_commands')).length).toBeGreaterThan(0);
    await spark.stop();
    spark = await Spark.start({ home, args: ['--fresh', '--no-demo'] });
    expect(spark.endpoints.token).not.toBe(token);
    expect(await spark.sql('SELECT 1 FROM spark_commands')).toEqual([]);
    expect(await spark.sql('SELECT 1 FROM spark_events')).toEqual([]);
    expect(await spark.effects()).toEqual([]);
    expect(spark.file('Assets/SparkDemo/Spinner.cs')).toBeUndefined();
    expect(spark.output).not.toContain('A demo on the simulated project');
  });

  it('given a second home, both run side by side and know nothing of each other', async () => {
    const otherHome = newHome();
    const other = await Spark.start({ home: otherHome });
    try {
      const [one, two] = [spark.endpoints, other.endpoints];
      for (const name of [
        'http',
        'nats',
        'token',
        'postgres',
        'replica',
        'unityMcp',
        'natsPassword',
      ] as const)
        expect(one[name], name).not.toBe(two[name]);
      expect(
        (await other.submitAndWait({ type: GENERATE, sessionId: 'other', payload: script('Other') })).status,
      ).toBe(200);
      await eventually(async () => expect(await other.sql('SELECT 1 FROM spark_commands')).toHaveLength(1));
      expect(await spark.sql('SELECT 1 FROM spark_commands')).toEqual([]);
      expect(spark.file('Assets/Other.cs')).toBeUndefined();
      expect((await spark.http('/v1/commands', { token: two.token })).status).toBe(401);
    } finally {
      await other.stop();
      removeHome(otherHome);
    }
    expect((await spark.http('/readyz')).status).toBe(200);
  });

  it('given a folder that is no home, --fresh refuses to wipe it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spark-e2e-foreign-'));
    cpSync(fileURLToPath(import.meta.url), join(folder, 'thesis.doc'));
    const run = await runCli(folder, ['start', '--fresh']);
    expect(run.code).toBe(1);
    expect(run.err).toContain('is not a SPARK home');
    expect(existsSync(join(folder, 'thesis.doc'))).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it('given a setting that cannot be, it names it and exits 2', async () => {
    const run = await runCli(join(home, '..', 'unused'), ['start'], {
      MCP_MAX_INFLIGHT: 'many',
      SPARK_TOKEN: 'short',
    });
    expect(run.code).toBe(2);
    expect(run.err).toContain('MCP_MAX_INFLIGHT');
    expect(run.err).toContain('SPARK_TOKEN');
  });
});

/** Pids of the daemons that a home has written down, while it starts too. */
function childPidsOf(home: string): number[] {
  const folder = join(home, 'run');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.pid.json'))
    .map((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { pid: number }).pid);
}

/** Whether a page of that origin gets a websocket. */
function upgrades(url: string, origin: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const req = request(url.replace(/^ws/, 'http'), {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        origin,
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      },
    });
    req.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve(true);
    });
    req.on('response', (response) => {
      response.resume();
      resolve(false);
    });
    req.on('error', reject);
    req.end();
  });
}

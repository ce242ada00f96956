import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { request } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../support/cli.js';
import { alive, type Endpoints, eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { SseReader } from '../support/sseReader.js';

const GENERATE = 'unity.generate_script';
const script = (name: string) => ({ name, path: `Assets/${name}.cs`, code: `class ${name} {}\n` });
const endpointsFile = (home: string) => join(home, 'endpoints.json');
const pidsOf = (spark: Spark): number[] => Object.values(spark.readEndpoints().pids);
const gone = (pids: readonly number[], timeoutMs: number) =>
  eventually(() => expect(pids.filter(alive)).toEqual([]), { timeoutMs });

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
    const frame = /\/v1\/frames\/[0-9a-f]{64}/.exec(spark.output)?.[0] ?? '';
    const picture = await spark.http(frame);
    expect(picture).toMatchObject({ status: 200 });
    expect(picture.headers.get('content-type')).toBe('image/png');
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
        'pids',
      ].sort(),
    );
    expect(Object.keys(endpoints.pids).sort()).toEqual(['main', 'nats', 'postgres', 'replica', 'simulator']);
    expect(endpoints.pids.main).toBe(spark.child.pid);
    expect(pidsOf(spark).filter(alive)).toHaveLength(5);
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
    const rebuild = await runCli(home, ['rebuild']);
    expect(rebuild.code).toBe(5);
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

  it('given Ctrl-C twice within a second, it stops once, cleanly, within two seconds and leaves nothing behind', async () => {
    const pids = pidsOf(spark);
    await spark.closeClients();
    const began = performance.now();
    spark.child.kill('SIGINT');
    setTimeout(() => spark.child.kill('SIGINT'), 100);
    expect(await spark.exited).toEqual({ code: 0, signal: null });
    // 2 s is the target on a quiet machine (product); this one is shared.
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(existsSync(endpointsFile(home))).toBe(false);
    await gone(pids, 3_000);
    expect(spark.output.match(/^stopping/gm)).toHaveLength(1);
    expect(spark.output).not.toContain('forced');
  });

  it('given another start, everything is still there, the addresses too, and the demo does not run again', async () => {
    const { http, token, nats, unityMcp } = spark.endpoints;
    const began = performance.now();
    spark = await Spark.start({ home, args: [] });
    expect(performance.now() - began).toBeLessThan(15_000);
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
    await gone(pids, 10_000);

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
    await gone(pids, 3_000);
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
    await gone([...children, ...childPidsOf(home)], 5_000);
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

describe('the ways to see what goes on', () => {
  const home = newHome();
  let spark: Spark;
  const streams: { close(): void }[] = [];

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const listen = async (session: string, headers: Record<string, string> = {}, query = '') => {
    const stream = await openStream(`${spark.endpoints.http}/v1/sessions/${session}/events${query}`, {
      authorization: `Bearer ${spark.endpoints.token}`,
      ...headers,
    });
    streams.push(stream);
    return stream;
  };
  const eventsOf = async (stream: SseReader, count: number) => {
    await stream.until(({ messages }) => messages.length >= count);
    // As data: history comes out of jsonb, which keeps the members but not their order.
    return stream.messages
      .slice(0, count)
      .map(({ id, event, data }) => ({ id, event, body: JSON.parse(data) as { eventId: string } }));
  };

  it('given Prefer: wait, 200 comes with the outcome; when the time is up first, 202 and a Location that has it later', async () => {
    const done = await spark.submitAndWait(
      { type: GENERATE, sessionId: 'wait', payload: script('Waited') },
      30,
    );
    expect(done.status).toBe(200);
    expect(done.headers.get('preference-applied')).toBe('wait');
    expect(done.body).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: { path: 'Assets/Waited.cs' },
    });

    await spark.sim('reload', { editor: 'default', ms: 3_000 });
    const began = performance.now();
    const late = await spark.submitAndWait(
      { type: 'unity.delete_script', sessionId: 'wait', payload: { path: 'Assets/Waited.cs' } },
      1,
    );
    expect(late.status).toBe(202);
    expect(late.body).toMatchObject({ status: 'accepted' });
    expect(performance.now() - began).toBeGreaterThan(900);
    const location = late.headers.get('location') ?? '';
    expect(location).toBe(`/v1/commands/${String(late.body['commandId'])}`);
    const later = await spark.http(location, { headers: { prefer: 'wait=60' } });
    expect(later.body).toMatchObject({ state: 'completed', commandId: late.body['commandId'] });
    expect(later.headers.get('preference-applied')).toBe('wait');
    const etag = later.headers.get('etag') ?? '';
    const again = await spark.http(location);
    expect(again.body).toMatchObject({ state: 'completed' });
    expect(
      (await spark.http(location, { headers: { 'if-none-match': again.headers.get('etag') ?? '' } })).status,
    ).toBe(304);
    expect(etag).toMatch(/^"/);
  });

  it('given 202, the very next GET knows the command, every time, and never goes back', async () => {
    for (let n = 0; n < 20; n++) {
      const posted = await spark.http('/v1/commands', {
        body: { type: GENERATE, sessionId: 'ryw', payload: script(`Ryw${n}`) },
      });
      const location = posted.headers.get('location') ?? '';
      const seen: string[] = [];
      while (seen.at(-1) !== 'completed') {
        const view = await spark.http(location);
        expect(view.status).toBe(200);
        expect(view.body).toMatchObject({ sessionId: 'ryw', type: GENERATE });
        seen.push(String(view.body['state']));
      }
      const rank = ['accepted', 'started', 'completed'];
      const ranks = seen.map((state) => rank.indexOf(state));
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
      expect(ranks).not.toContain(-1);
    }
  });

  it('given an event stream that breaks, Last-Event-ID brings exactly what was missed, then what comes', async () => {
    const run = (name: string) =>
      spark.submitAndWait({ type: GENERATE, sessionId: 'sse', payload: script(name) });
    await run('SseA');
    const first = await listen('sse');
    const seen = await eventsOf(first, 2);
    expect(first.response.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(seen.map(({ event }) => event)).toEqual([
      'generate_unity_script.started',
      'generate_unity_script.completed',
    ]);
    first.close();

    await run('SseB');
    const resumed = await listen('sse', { 'last-event-id': seen[0]?.id ?? '' });
    await run('SseC');
    const rest = await eventsOf(resumed, 5);
    const whole = await eventsOf(await listen('sse'), 6);
    expect(rest).toEqual(whole.slice(1));
    expect(whole[0]).toEqual(seen[0]);
    const ids = whole.map(({ id }) => Number(id));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const rows = await eventually(async () => {
      const stored = await spark.sql<{ seq: string; event_id: string }>(
        "SELECT seq, event_id FROM spark_events WHERE session_id = 'sse' ORDER BY seq",
      );
      expect(stored).toHaveLength(6);
      return stored;
    });
    expect(whole.map(({ id }) => id)).toEqual(rows.map(({ seq }) => seq));
    expect(whole.map(({ body }) => body.eventId)).toEqual(rows.map(({ event_id }) => event_id));

    const latest = await listen('sse', {}, '?from=latest');
    await run('SseD');
    const [live] = await eventsOf(latest, 1);
    expect(Number(live?.id)).toBeGreaterThan(ids.at(-1) ?? Number.NaN);
    expect((await spark.http('/v1/sessions/sse/events', { headers: { 'last-event-id': 'x' } })).status).toBe(
      422,
    );
  });

  it('health, version, metrics and the API description say what they should', async () => {
    const open = (path: string) => spark.http(path, { token: null });
    expect((await open('/livez')).body).toEqual({ status: 'ok' });
    const ready = await open('/readyz');
    expect(ready).toMatchObject({ status: 200, body: { status: 'ok' } });
    const checks = ready.body['checks'] as { name: string; ok: boolean }[];
    expect(checks.length).toBeGreaterThanOrEqual(3);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect((await open('/healthz')).body).toMatchObject({ status: 'ok', version: '0.1.0' });
    expect((await open('/version')).body).toMatchObject({ name: 'spark', version: '0.1.0' });
    const metrics = await open('/metrics');
    const text = String(metrics.body);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(/^spark_commands_submitted_total\{[^}]*result="accepted"[^}]*\} [1-9]/m);
    expect(text).not.toContain(spark.endpoints.token);
    const api = await open('/openapi.json');
    expect(api.body).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) as unknown });
    const paths = Object.keys(api.body['paths'] as object);
    expect(paths).toEqual(
      expect.arrayContaining([
        '/v1/commands',
        '/v1/commands/{id}',
        '/v1/sessions/{id}/events',
        '/v1/sessions/{id}/operations',
        '/v1/sessions/{id}/undo',
        '/v1/sessions/{id}/redo',
        '/v1/frames/{sha}',
        '/v1/dead-letters',
      ]),
    );
  });

  it('GET operations and dead letters are what the standby says', async () => {
    await spark.submitAndWait({ type: GENERATE, sessionId: 'listed', payload: script('Listed') });
    await spark.publish({ type: GENERATE, session: 'listed' }, 'no json');
    const operations = await eventually(async () => {
      const answer = await spark.http('/v1/sessions/listed/operations');
      expect(answer.body['items']).toHaveLength(1);
      return answer;
    });
    expect(operations.body).toMatchObject({
      items: [
        { path: 'Assets/Listed.cs', tool: GENERATE, state: 'applied', beforeSha256: null, editor: 'default' },
      ],
      freshness: { source: 'replica' },
    });
    await eventually(async () =>
      expect((await spark.http('/v1/dead-letters?sessionId=listed')).body['items']).toMatchObject([
        {
          reason: 'malformed_json',
          sessionId: 'listed',
          body: 'no json',
          originalSubject: `spark.commands.default.${GENERATE}.listed`,
        },
      ]),
    );
  });
});

describe('whoever runs it', () => {
  it('given an ordinary user with a copy of the project, everything works as for anybody else', async () => {
    const root = process.getuid?.() === 0;
    const who = root ? ordinaryUser() : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const place = mkdtempSync(join(tmpdir(), 'spark-e2e-user-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    const copy = join(place, 'project');
    const home = join(place, 'home');
    const source = fileURLToPath(new URL('../..', import.meta.url));
    mkdirSync(copy);
    for (const name of ['bin', 'dist', 'migrations', 'package.json'])
      cpSync(join(source, name), join(copy, name), { recursive: true });
    symlinkSync(join(source, 'node_modules'), join(copy, 'node_modules'));
    // Programs fetched once (nats-server), as that user would have them in its own cache.
    const cache = join(process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'));
    if (existsSync(cache)) cpSync(cache, join(place, 'cache'), { recursive: true });
    for (const path of [place, copy, join(place, 'cache')]) if (existsSync(path)) chownTree(path, who);

    const child = spawn(process.execPath, [join(copy, 'bin/spark.js'), 'start', '--no-demo'], {
      cwd: copy,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: place,
        SPARK_HOME: home,
        SPARK_CACHE: join(place, 'cache'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(root ? who : {}),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      await eventually(
        () => {
          expect(child.exitCode, output).toBeNull();
          expect(existsSync(endpointsFile(home)), output).toBe(true);
        },
        { timeoutMs: 90_000 },
      );
      const { http, token, pids, unityProjects } = JSON.parse(
        readFileSync(endpointsFile(home), 'utf8'),
      ) as Endpoints;
      expect(statSync(endpointsFile(home)).uid).toBe(who.uid);
      for (const [name, pid] of Object.entries(pids))
        expect({ name, uid: statSync(`/proc/${pid}`).uid }).toEqual({ name, uid: who.uid });
      const answer = await fetch(`${http}/v1/commands`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'wait=60' },
        body: JSON.stringify({ type: GENERATE, sessionId: 'user', payload: script('ByUser') }),
      });
      expect(await answer.json()).toMatchObject({ state: 'completed' });
      const written = join(unityProjects['default'] ?? '', 'Assets/ByUser.cs');
      expect(readFileSync(written, 'utf8')).toBe(script('ByUser').code);
      expect(statSync(written).uid).toBe(who.uid);
      child.kill('SIGINT');
      expect(await exited, output).toBe(0);
      await gone(Object.values(pids), 3_000);
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  });
});

/** `nobody`: a user without rights that every Linux has. */
function ordinaryUser(): { uid: number; gid: number } {
  const [, , uid, gid] = (/^nobody:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function chownTree(folder: string, { uid, gid }: { uid: number; gid: number }): void {
  lchownSync(folder, uid, gid);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) chownTree(join(folder, entry.name), { uid, gid });
    else lchownSync(join(folder, entry.name), uid, gid);
}

/** Pids of the daemons that a home has written down, while it starts too. */
function childPidsOf(home: string): number[] {
  const folder = join(home, 'run');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.pid.json'))
    .map((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { pid: number }).pid);
}

function openStream(url: string, headers: Record<string, string>): Promise<SseReader> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent: false, headers }, (response) => resolve(new SseReader(response)));
    req.on('error', reject);
    req.end();
  });
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

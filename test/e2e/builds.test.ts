import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSimulator } from '../../src/embedded/simulator/start-simulator.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { commandOfKey, eventTypes } from './support/history.js';

const FAST = { MCP_BUILD_POLL_MS: '250', MCP_BUILD_GRACE_MS: '5000' };
/** The job table of an embedded editor is gone with it: no need to look for long. */
const FORGETFUL = { ...FAST, MCP_BUILD_GRACE_MS: '1500' };
type Body = Record<string, unknown>;

const runBuild = (spark: Spark, sessionId: string, payload: object = { target: 'webgl' }) =>
  spark.http('/v1/commands', {
    body: { type: 'unity.run_build', sessionId, payload, idempotencyKey: 'build' },
  });
const statusOf = (spark: Spark, sessionId: string, jobId: unknown) =>
  spark.submitAndWait({ type: 'unity.get_build_status', sessionId, payload: { jobId } });
const buildsStarted = async (spark: Spark, commandId: unknown) =>
  (await spark.effects()).filter(
    ({ tool, path }) => tool === 'manage_build' && String(path).includes(String(commandId)),
  );
const jobOf = async (spark: Spark, commandId: unknown) =>
  (await spark.sql('SELECT * FROM spark_build_jobs WHERE job_id = $1', [commandId]))[0];

/** Waits until the simulator has started the build of that command. */
const started = (spark: Spark, commandId: unknown) =>
  eventually(async () => expect(await buildsStarted(spark, commandId)).toHaveLength(1));

async function collect(spark: Spark, session: string): Promise<Body[]> {
  const seen: Body[] = [];
  const nc = await spark.nats();
  const subscription = nc.subscribe(`spark.build.unity.*.${session}`);
  await nc.flush();
  void (async () => {
    for await (const message of subscription)
      seen.push({ subject: message.subject, ...message.json<Body>() });
  })();
  return seen;
}

describe('a build', () => {
  const home = newHome();
  let spark: Spark;
  beforeAll(async () => {
    spark = await Spark.start({ home, env: FAST });
  });
  afterEach(async () => {
    await spark.sim('faults', undefined, 'DELETE');
    await spark.sim('builds', { ms: 3_000, blocks: false });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  it('given WebGL, then it is started once, tells its progress live and ends with a player and a row', async () => {
    await spark.sim('builds', { ms: 1_500 });
    const live = await collect(spark, 'happy');
    const { commandId } = (await runBuild(spark, 'happy')).body;
    const row = await spark.command(commandId as string);
    expect(row).toMatchObject({ state: 'completed', attempts: 1 });
    const outputPath = `Builds/webgl/${String(commandId)}`;
    expect(row['result']).toMatchObject({
      outputPath,
      target: 'webgl',
      platform: 'WebGL',
      foundBy: 'job',
      warnings: 0,
    });
    expect(
      existsSync(join(spark.readEndpoints().unityProjects['default'] ?? '', outputPath, 'index.html')),
    ).toBe(true);
    expect(await buildsStarted(spark, commandId)).toHaveLength(1);
    await eventually(() => expect(live.at(-1)).toMatchObject({ type: 'build.completed' }));
    expect(live[0]).toMatchObject({ type: 'build.started', outputPath, target: 'webgl' });
    const ticks = live.filter(({ type }) => type === 'build.progress');
    expect(ticks.length).toBeGreaterThan(2);
    expect(ticks.at(-1)).toMatchObject({
      subject: 'spark.build.unity.progress.happy',
      sessionId: 'happy',
      commandId,
      jobId: commandId,
      editor: 'default',
      state: 'building',
      elapsedMs: expect.any(Number),
    });
    expect(await eventTypes(spark, commandId)).toEqual(['build.started', 'build.completed']);
    expect(await jobOf(spark, commandId)).toMatchObject({
      session_id: 'happy',
      editor: 'default',
      target: 'webgl',
      output_path: outputPath,
      state: 'completed',
      started_at: expect.any(Date),
      finished_at: expect.any(Date),
      duration_ms: expect.any(Number),
      error_code: null,
    });
  });

  it('while it runs: other sessions wait without an attempt, its own asks how far it is', async () => {
    await spark.sim('builds', { ms: 2_500 });
    const { commandId } = (await runBuild(spark, 'busy')).body;
    await started(spark, commandId);
    const script = { name: 'Waits', path: 'Assets/Waits.cs', code: 'class Waits {}' };
    const waiting = spark.submitAndWait({
      type: 'unity.generate_script',
      sessionId: 'patient',
      payload: script,
    });
    const status = await statusOf(spark, 'busy', commandId);
    expect(status.body['result']).toMatchObject({
      jobId: commandId,
      state: 'started',
      phase: 'building',
      editorJobId: expect.stringMatching(/^build-/),
    });
    expect(spark.file('Assets/Waits.cs')).toBeUndefined();
    expect((await waiting).body).toMatchObject({ state: 'completed', attempts: 1 });
    const build = await spark.command(commandId as string);
    const written = await eventually(async () => {
      const [row] = await spark.sql<{ ts: Date }>(
        "SELECT ts FROM spark_events WHERE type = 'generate_unity_script.completed' AND session_id = 'patient'",
      );
      expect(row).toBeDefined();
      return row?.ts.getTime() ?? 0;
    });
    expect(written).toBeGreaterThanOrEqual((build['finished_at'] as Date).getTime());
    expect((await statusOf(spark, 'busy', commandId)).body['result']).toMatchObject({ state: 'completed' });
  });

  it('given the job table is wiped in the middle, then it still ends rightly, as one build', async () => {
    await spark.sim('builds', { ms: 2_500 });
    const { commandId } = (await runBuild(spark, 'wiped')).body;
    await started(spark, commandId);
    await spark.sim('reload', { editor: 'default', ms: 300 });
    expect(await spark.command(commandId as string)).toMatchObject({ state: 'completed' });
    expect(await buildsStarted(spark, commandId)).toHaveLength(1);
  });

  it('given the reply of the start is lost, then there is one build', async () => {
    await spark.sim('faults', { editor: 'default', tool: 'manage_build', fault: 'lose_reply' });
    await spark.sim('builds', { ms: 1_000 });
    const { commandId } = (await runBuild(spark, 'lost')).body;
    expect(await spark.command(commandId as string)).toMatchObject({ state: 'completed' });
    expect(await buildsStarted(spark, commandId)).toHaveLength(1);
  });

  it('given the connection is cut before the start arrived, then the outcome is unknown, not a second start', async () => {
    await spark.sim('faults', { editor: 'default', tool: 'manage_build', fault: 'disconnect' });
    const { commandId } = (await runBuild(spark, 'never')).body;
    expect(await spark.command(commandId as string)).toMatchObject({
      state: 'outcome_unknown',
      error_code: 'build_lost',
    });
    expect(await buildsStarted(spark, commandId)).toEqual([]);
    expect(await jobOf(spark, commandId)).toMatchObject({
      state: 'outcome_unknown',
      error_code: 'build_lost',
    });
  });

  it('given a scene that is not there, then it fails in the words of the editor', async () => {
    await spark.sim('builds', { ms: 300 });
    const { commandId } = (
      await runBuild(spark, 'broken', { target: 'linux64', scenes: ['Assets/None.unity'] })
    ).body;
    const row = await spark.command(commandId as string);
    expect(row).toMatchObject({ state: 'failed', error_code: 'build_failed' });
    expect(await jobOf(spark, commandId)).toMatchObject({ state: 'failed', error_code: 'build_failed' });
    expect((await statusOf(spark, 'broken', commandId)).body['result']).toMatchObject({
      state: 'failed',
      error: { code: 'build_failed', message: expect.stringContaining('incorrect path for a scene') },
    });
  });

  it('given a build that blocks its editor, then it is waited for and completes', async () => {
    await spark.sim('builds', { ms: 4_000, blocks: true });
    const { commandId } = (await runBuild(spark, 'blocking')).body;
    expect(await spark.command(commandId as string)).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await buildsStarted(spark, commandId)).toHaveLength(1);
  });

  it('given somebody cancels it, then the editor stops it, it ends as cancelled and its editor is free', async () => {
    await spark.sim('builds', { ms: 60_000 });
    const { commandId } = (await runBuild(spark, 'cancelled')).body;
    await started(spark, commandId);
    await spark.http(`/v1/commands/${String(commandId)}/cancel`, { method: 'POST' });
    expect(await spark.command(commandId as string)).toMatchObject({ state: 'cancelled' });
    expect(await jobOf(spark, commandId)).toMatchObject({ state: 'cancelled' });
    const script = { name: 'Freed', path: 'Assets/Freed.cs', code: 'class Freed {}' };
    const { body } = await spark.submitAndWait({
      type: 'unity.generate_script',
      sessionId: 'next',
      payload: script,
    });
    expect(body).toMatchObject({ state: 'completed' });
  });

  it('given an id that is no build, then get_build_status fails with unknown_job', async () => {
    const { body } = await statusOf(spark, 'who', '00000000-0000-4000-8000-000000000000');
    expect(body).toMatchObject({ state: 'failed', error: { code: 'unknown_job' } });
  });
});

describe('a build and the death of SPARK', () => {
  const home = newHome();
  let spark: Spark;
  afterEach(() => spark.stop());
  afterAll(() => removeHome(home));

  it('given kill -9 in the middle and an editor that lives on, then the next start watches the same build to its end', async () => {
    // The embedded simulator goes down with its SPARK; a real editor does not.
    const folder = mkdtempSync(join(tmpdir(), 'spark-e2e-editor-'));
    const editor = await startSimulator({
      stateDir: folder,
      fsync: false,
      editors: ['default'],
      buildMs: 8_000,
    });
    try {
      const listed = await (await fetch(`${editor.sim}/editors`)).json();
      const [{ instance, project }] = (listed as { editors: [{ instance: string; project: string }] })
        .editors;
      const env = { ...FAST, UNITY_MCP_URL: editor.url, UNITY_EDITORS: `default=${instance}:${project}` };
      const effects = async () =>
        ((await (await fetch(`${editor.sim}/effects?after=0`)).json()) as { effects: unknown[] }).effects;
      const doomed = await Spark.start({ home, env });
      const { commandId } = (await runBuild(doomed, 'killed')).body;
      await eventually(async () => expect(await effects()).toHaveLength(1));
      await doomed.kill9();
      spark = await Spark.start({ home, env });
      expect(await spark.command(commandId as string)).toMatchObject({ state: 'completed' });
      expect(await effects()).toMatchObject([{ tool: 'manage_build', commandId }]);
      expect(await eventTypes(spark, commandId)).toEqual(['build.started', 'build.completed']);
      expect(await jobOf(spark, commandId)).toMatchObject({ state: 'completed' });
      const row = await jobOf(spark, commandId);
      expect(Number(row?.['duration_ms'])).toBeGreaterThan(7_000);
    } finally {
      await editor.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each(['after_call', 'after_probe:2', 'before_finish', 'before_ack'])(
    'given SIGKILL at %s, then there is one build and one end',
    async (point) => {
      const session = `crash-${point.replace(/\W/g, '-')}`;
      const doomed = await Spark.start({ home, env: { ...FORGETFUL, SPARK_FAULT_POINT: point } });
      await doomed.sim('builds', { ms: 800 });
      await doomed.publish(
        { type: 'unity.run_build', session },
        { target: 'webgl' },
        { 'Spark-Idempotency-Key': 'build' },
      );
      expect((await doomed.exited).signal, doomed.output).toBe('SIGKILL');
      await doomed.closeClients();
      spark = await Spark.start({ home, env: FORGETFUL });
      const row = await eventually(
        async () => {
          const command = await commandOfKey(spark, session, 'build');
          expect(['completed', 'outcome_unknown']).toContain(command.state);
          return command;
        },
        { timeoutMs: 60_000 },
      );
      expect(await buildsStarted(spark, row.command_id)).toHaveLength(1);
      expect(await eventTypes(spark, row.command_id)).toHaveLength(2);
    },
  );

  it('given a build beyond its time, then it ends as build.timeout', async () => {
    spark = await Spark.start({ home, env: { ...FAST, MCP_BUILD_TIMEOUT_MS: '1500' } });
    await spark.sim('builds', { ms: 20_000 });
    const live = await collect(spark, 'late');
    const { commandId } = (await runBuild(spark, 'late')).body;
    expect(await spark.command(commandId as string)).toMatchObject({
      state: 'failed',
      error_code: 'build_timeout',
    });
    expect(await eventTypes(spark, commandId)).toEqual(['build.started', 'build.timeout']);
    expect(await jobOf(spark, commandId)).toMatchObject({ state: 'timeout', error_code: 'build_timeout' });
    await eventually(() =>
      expect(live.at(-1)).toMatchObject({ subject: 'spark.build.unity.timeout.late', type: 'build.timeout' }),
    );
  });
});

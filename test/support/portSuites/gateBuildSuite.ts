import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { type RunningSimulator, startSimulator } from '../../../src/embedded/simulator/start-simulator.js';
import { strayInstance } from '../../../src/unity/opaqueTool.js';
import type { BuildOrder, BuildStatus, EditorBuild } from '../../../src/workers/buildPort.js';
import type { GateCall } from '../../../src/workers/editor.js';
import type { GateOpener, OpenGate } from '../openGate.js';

/** What the gate must do in front of a real editor's behaviour (the simulator), in this process or behind HTTP. */
export function gateBuildSuite(open: GateOpener): void {
  const EDITOR = 'default';
  const never = new AbortController().signal;
  let folder: string;
  let simulator: RunningSimulator;
  let gate: OpenGate;
  const instances = new Map<string, string>();
  let calls = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spark-builds-'));
    simulator = await startSimulator({
      stateDir: folder,
      fsync: false,
      editors: [EDITOR, 'other'],
      buildMs: 150,
    });
    const listed = (await (await fetch(`${simulator.sim}/editors`)).json()) as {
      editors: { editor: string; instance: string }[];
    };
    for (const { editor, instance } of listed.editors) instances.set(editor, instance);
    gate = await open({
      serverUrl: simulator.url,
      clock: systemClock,
      editors: listed.editors.map(({ editor, instance }) => ({
        editor,
        instance,
        projectFolder: simulator.projects[editor] ?? null,
      })),
    });
  });
  afterAll(async () => {
    await gate.stop();
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const control = (path: string, body: object) =>
    fetch(`${simulator.sim}/${path}`, { method: 'POST', body: JSON.stringify(body) });

  function call(commandId = `command-${calls}`): GateCall {
    calls += 1;
    return { token: { epoch: 1, call: calls }, commandId, attempt: 1, signal: never };
  }

  const order = (id: string, over: Partial<BuildOrder> = {}): BuildOrder => ({
    target: 'webgl',
    outputPath: `Builds/webgl/${id}`,
    ...over,
  });

  async function ended(jobId: string): Promise<EditorBuild> {
    for (;;) {
      const status = await gate.builds.status(EDITOR, jobId, never);
      if (status.kind !== 'build') throw new Error(`lost: ${JSON.stringify(status)}`);
      if (status.build.state !== 'running') return status.build;
      await systemClock.sleep(20);
    }
  }

  async function start(id: string, over: Partial<BuildOrder> = {}): Promise<string> {
    const answer = await gate.builds.start(EDITOR, order(id, over), call());
    expect(answer).toMatchObject({ kind: 'done', data: { job_id: expect.stringMatching(/^build-/) } });
    return String(answer.kind === 'done' ? answer.data['job_id'] : '');
  }

  describe('builds of an editor', () => {
    it('given a start, then its job runs under the output path and ends with its measures', async () => {
      const jobId = await start('c-1', {
        scenes: ['Assets/Scenes/SampleScene.unity'],
        options: ['strict_mode'],
      });
      expect(await gate.builds.status(EDITOR, null, never)).toMatchObject({
        kind: 'build',
        build: { jobId, state: 'running', outputPath: 'Builds/webgl/c-1', pollMs: 5_000, percent: null },
      });
      expect(await ended(jobId)).toMatchObject({
        state: 'succeeded',
        platform: 'WebGL',
        warnings: 0,
        error: null,
      });
      expect(await gate.builds.traces(EDITOR, order('c-1'), never)).toMatchObject({
        kind: 'traces',
        succeeded: true,
        outputBytes: expect.any(Number),
        lastLine: expect.stringContaining('Build succeeded: WebGL → Builds/webgl/c-1'),
      });
    });

    it.each(['windows64', 'osx', 'linux64', 'android', 'ios'])(
      'given the target %s, then its output is found',
      async (target) => {
        const outputPath = target === 'ios' ? 'Builds/ios/c-2' : `Builds/${target}/c-2/Player`;
        await ended(await start('c-2', { target, outputPath }));
        const traces = await gate.builds.traces(EDITOR, { target, outputPath }, never);
        expect(traces).toMatchObject({ succeeded: true, outputBytes: expect.any(Number) });
      },
    );

    it('given a scene that is not there, then the job fails in the words of Unity', async () => {
      const jobId = await start('c-3', { scenes: ['Assets/None.unity'] });
      expect(await ended(jobId)).toMatchObject({
        state: 'failed',
        error: expect.stringContaining("'Assets/None.unity' is an incorrect path"),
      });
      expect(await gate.builds.traces(EDITOR, order('c-3'), never)).toMatchObject({
        succeeded: false,
        outputBytes: null,
        lastLine: expect.stringContaining('✗ Build failed: WebGL'),
      });
    });

    it('given another build runs, then a start is certainly not taken', async () => {
      const jobId = await start('c-4');
      expect(await gate.builds.start(EDITOR, order('c-5'), call())).toMatchObject({
        kind: 'away',
        reason: 'another build runs in this editor',
      });
      await ended(jobId);
    });

    it('given a reload, then the table knows nothing of it; while it is away nobody answers', async () => {
      const jobId = await start('c-6');
      await control('reload', { editor: EDITOR, ms: 100 });
      expect(await gate.builds.status(EDITOR, jobId, never)).toMatchObject({ kind: 'silent' });
      let status: BuildStatus = { kind: 'silent', reason: '' };
      while (status.kind === 'silent') status = await gate.builds.status(EDITOR, jobId, never);
      expect(status).toEqual({ kind: 'none' });
      expect(await gate.builds.status(EDITOR, null, never)).toEqual({ kind: 'none' });
    });

    it('given a running build, then it can be cancelled', async () => {
      await control('builds', { ms: 5_000 });
      const jobId = await start('c-7');
      expect(await gate.builds.cancel(EDITOR, jobId, call())).toMatchObject({ kind: 'done' });
      expect(await ended(jobId)).toMatchObject({ state: 'cancelled' });
      await control('builds', { ms: 150 });
    });

    it('given the reply of a start is lost, then the answer says that it may have run', async () => {
      await control('faults', { editor: EDITOR, tool: 'manage_build', fault: 'lose_reply' });
      expect(await gate.builds.start(EDITOR, order('c-8'), call())).toMatchObject({ kind: 'unknown' });
      expect(await gate.builds.status(EDITOR, null, never)).toMatchObject({
        kind: 'build',
        build: { outputPath: 'Builds/webgl/c-8' },
      });
    });
  });

  describe('a call of any tool', () => {
    const menu = { menu_path: 'File/Save' };
    const effects = async () => {
      const reply = await fetch(`${simulator.sim}/effects?after=0`);
      const { effects: all } = (await reply.json()) as { effects: { tool: string; editor: string }[] };
      return all.filter(({ tool }) => tool === 'execute_menu_item');
    };

    it('given a tool, then it runs once in this editor and its answer comes back', async () => {
      expect(await gate.callTool('other', 'execute_menu_item', menu, call())).toMatchObject({
        kind: 'done',
        message: expect.stringContaining('File/Save'),
      });
      expect(await effects()).toMatchObject([{ editor: 'other' }]);
    });

    it('given arguments that name another instance, at any depth, then nothing is sent', async () => {
      const stray = {
        commands: [{ tool: 'execute_menu_item', params: { ...menu, unity_instance: instances.get(EDITOR) } }],
      };
      expect(await gate.callTool('other', 'batch_execute', stray, call())).toMatchObject({
        kind: 'refused',
        code: 'routing',
      });
      expect(
        await gate.callTool('other', 'set_active_instance', { instance: instances.get(EDITOR) }, call()),
      ).toMatchObject({
        kind: 'refused',
        code: 'routing',
      });
      expect(await effects()).toHaveLength(1);
      expect(
        strayInstance({ unity_instance: instances.get('other') }, instances.get('other') ?? ''),
      ).toBeNull();
    });

    it('given a tool that is not there, then it is refused; given a lost reply, then it may have run', async () => {
      expect(await gate.callTool(EDITOR, 'no_such_tool', {}, call())).toMatchObject({
        kind: 'refused',
        code: 'unknown_tool',
      });
      await control('faults', { editor: EDITOR, tool: 'execute_menu_item', fault: 'lose_reply' });
      expect(await gate.callTool(EDITOR, 'execute_menu_item', menu, call())).toMatchObject({
        kind: 'unknown',
      });
      expect(await effects()).toHaveLength(2);
    });
  });
}

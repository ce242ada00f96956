import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { sha256 } from '../../../src/core/ids.js';
import { type RunningSimulator, startSimulator } from '../../../src/embedded/simulator/start-simulator.js';
import { guidOf } from '../../../src/unity/metaFile.js';
import type { Answer, FileContent, GateCall, Probe } from '../../../src/workers/editor.js';
import type { GateOpener, OpenGate } from '../openGate.js';

/** What the gate must do in front of a real editor's behaviour (the simulator), in this process or behind HTTP. */
export function gateSuite(open: GateOpener): void {
  const EDITOR = 'default';
  const never = new AbortController().signal;
  const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

  let folder: string;
  let simulator: RunningSimulator;
  let project: string;
  let calls = 0;
  let names = 0;

  /** A gate that knows the project folder, and one that has to do everything through MCP. */
  let gates: Record<'near' | 'far', OpenGate>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spark-gate-'));
    simulator = await startSimulator({ stateDir: folder, fsync: false, editors: [EDITOR, 'other'] });
    project = simulator.projects[EDITOR] ?? '';
    const listed = (await (await fetch(`${simulator.sim}/editors`)).json()) as {
      editors: { editor: string; instance: string; project: string }[];
    };
    const editors = listed.editors.map(({ editor, instance }) => ({
      editor,
      instance,
      projectFolder: simulator.projects[editor] ?? null,
    }));
    const common = { serverUrl: simulator.url, clock: systemClock };
    gates = {
      near: await open({ ...common, editors }),
      far: await open({ ...common, timeouts: { mutationMs: 5_000, readMs: 5_000 } }),
    };
  });

  afterAll(async () => {
    await Promise.all([gates.near.stop(), gates.far.stop()]);
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await fetch(`${simulator.sim}/faults`, { method: 'DELETE' });
  });

  function call(signal = never): GateCall {
    calls += 1;
    return { token: { epoch: 1, call: calls }, commandId: `command-${calls}`, attempt: 1, signal };
  }

  function newPath(): string {
    names += 1;
    return `Assets/Scripts/Case${names}.cs`;
  }

  async function arm(fault: string, tool: string, more: object = {}): Promise<void> {
    const body = JSON.stringify({ editor: EDITOR, tool, fault, ...more });
    const reply = await fetch(`${simulator.sim}/faults`, { method: 'POST', body });
    if (reply.status !== 200) throw new Error(await reply.text());
  }

  interface Effect {
    readonly n: number;
    readonly tool: string;
    readonly path: string;
    readonly commandId: string | null;
    readonly attempt: number | null;
  }

  async function effectsOn(path: string): Promise<Effect[]> {
    const { effects } = (await (await fetch(`${simulator.sim}/effects?after=0`)).json()) as {
      effects: Effect[];
    };
    return effects.filter((effect) => effect.path === path);
  }

  function content(probe: Probe): FileContent | null {
    if (probe.state === 'present') return probe.content;
    expect(probe).toMatchObject({ state: 'absent' });
    return null;
  }

  /** Probes, plans, runs: what a worker does with nothing going wrong. */
  async function make(which: 'near' | 'far', path: string, after: FileContent | null): Promise<Answer[]> {
    const gate = gates[which];
    const before = content(await gate.probe(EDITOR, path, never));
    const plan = gate.plan({ path, before, after });
    if (!plan.ok) throw new Error(plan.message);
    const answers: Answer[] = [];
    for (const step of plan.steps) answers.push(await gate.run(EDITOR, step, call()));
    return answers;
  }

  async function create(path: string, text: string): Promise<Answer> {
    const plan = gates.near.plan({ path, before: null, after: { bytes: utf8(text), meta: null } });
    const step = plan.ok ? plan.steps[0] : undefined;
    if (!step) throw new Error('no step');
    return gates.near.run(EDITOR, step, call());
  }

  function big(mark: string): string {
    let text = `using System;\r\n// ${mark} é🎮\r\npublic class Big\r\n{\r\n`;
    for (let n = 0; text.length < 198_000; n += 1) {
      text += `    public string M${n}() { return "${mark} } {" + @"C:\\""{" + 'x'; } // ( [\r\n`;
    }
    return `${text}}\r\n`;
  }

  describe.each(['near', 'far'] as const)('the gate on the simulator, %s the project folder', (which) => {
    it('given create, edit, delete and undo of each, then every state comes back byte for byte', async () => {
      const path = newPath();
      const first = { bytes: utf8('using System;\r\nclass A { /* é🎮 */ }\r\n'), meta: null };
      expect(await make(which, path, first)).toMatchObject([{ kind: 'done' }]);
      const created = content(await gates.near.probe(EDITOR, path, never));
      expect(created?.bytes).toEqual(first.bytes);
      expect(created?.meta).not.toBeNull();

      const second = { bytes: utf8('using System;\r\nclass B { /* é🎲 */ int x; }\n'), meta: null };
      expect(await make(which, path, second)).toMatchObject([
        { kind: 'done', data: { sha256: sha256(second.bytes) } },
      ]);
      expect(content(await gates[which].probe(EDITOR, path, never))?.bytes).toEqual(second.bytes);

      expect(await make(which, path, null)).toMatchObject([{ kind: 'done' }]);
      expect(await gates[which].probe(EDITOR, path, never)).toMatchObject({ state: 'absent' });
      expect(existsSync(join(project, `${path}.meta`))).toBe(false);

      const [undone] = await make(which, path, { bytes: second.bytes, meta: created?.meta ?? null });
      const restored = content(await gates.near.probe(EDITOR, path, never));
      expect(restored?.bytes).toEqual(second.bytes);
      if (which === 'near') expect(restored?.meta).toEqual(created?.meta);
      else
        expect(undone).toMatchObject({
          kind: 'done',
          message: expect.stringContaining('.meta and guid not restored'),
        });
      expect((await effectsOn(path)).map((effect) => effect.tool)).toEqual([
        'create_script',
        'apply_text_edits',
        'delete_script',
        'create_script',
      ]);
    });

    it('given 200 KB over 200 KB, then the exact bytes after a chain of compare-and-sets', async () => {
      const path = newPath();
      await make(which, path, { bytes: utf8(big('old')), meta: null });
      const answers = await make(which, path, { bytes: utf8(big('new')), meta: null });
      expect(answers.length).toBeGreaterThan(2);
      for (const answer of answers) expect(answer).toMatchObject({ kind: 'done' });
      expect(readFileSync(join(project, path), 'utf8')).toBe(big('new'));
    });

    it('given a byte order mark, an empty script and a changed header, then each comes out as asked', async () => {
      const path = newPath();
      for (const text of [
        '\ufeffusing System;\nclass A {}',
        '\ufeff// x\nusing System;\nclass B {}',
        '',
        '// y\nusing System;',
        'x',
      ]) {
        await make(which, path, { bytes: utf8(text), meta: null });
        expect(readFileSync(join(project, path)).toString('hex')).toBe(utf8(text).toString('hex'));
        expect(content(await gates[which].probe(EDITOR, path, never))?.bytes).toEqual(utf8(text));
      }
    });

    it('given a foreign edit since the probe, then an edit is stale, a delete too, and nothing is overwritten', async () => {
      const path = newPath();
      await create(path, 'class A {}');
      const before = content(await gates[which].probe(EDITOR, path, never));
      writeFileSync(join(project, path), 'class Human {}');
      for (const after of [{ bytes: utf8('class B {}'), meta: null }, null]) {
        const plan = gates[which].plan({ path, before, after });
        const step = plan.ok ? plan.steps[0] : undefined;
        if (!step) throw new Error('no step');
        const answer = await gates[which].run(EDITOR, step, call());
        expect(answer).toEqual({ kind: 'stale', currentSha256: sha256('class Human {}') });
      }
      expect(readFileSync(join(project, path), 'utf8')).toBe('class Human {}');
    });

    it('given a picture, then its true size and bytes come back', async () => {
      const view = { width: 800, height: 600, format: 'png', mode: 'fast' } as const;
      const answer = await gates[which].render(EDITOR, view, call());
      expect(answer).toMatchObject({
        kind: 'done',
        image: { mime: 'image/png', widthPx: 800, heightPx: 450 },
      });
      expect(
        Buffer.from(answer.image?.bytes ?? [])
          .subarray(1, 4)
          .toString(),
      ).toBe('PNG');
      const huge = await gates[which].render(EDITOR, { ...view, width: 4096, height: 4096 }, call());
      expect(huge).toMatchObject({ kind: 'done', image: { widthPx: 2048 } });
    });

    it('given a reload, then the editor is away without a call, and drain says ready when it is back', async () => {
      await fetch(`${simulator.sim}/reload`, {
        method: 'POST',
        body: JSON.stringify({ editor: EDITOR, ms: 400 }),
      });
      expect(await gates[which].readiness(EDITOR, never)).toMatchObject({ state: 'away' });
      await expect
        .poll(async () => (await gates[which].drain(EDITOR, never)).state, { timeout: 5_000 })
        .toBe('ready');
    });
  });

  describe('the gate on the simulator when things go wrong', () => {
    it('given a file in the way, then create says exists', async () => {
      const path = newPath();
      await create(path, 'class A {}');
      expect(await create(path, 'class B {}')).toEqual({ kind: 'exists' });
    });

    it('given a lost reply, then the outcome is unknown, and after a drain the probe finds it done once', async () => {
      const path = newPath();
      await arm('lose_reply', 'create_script');
      expect(await create(path, 'class A {}')).toMatchObject({ kind: 'unknown', mayStillRun: true });
      expect(await gates.near.drain(EDITOR, never)).toEqual({ state: 'ready' });
      expect(await gates.near.probe(EDITOR, path, never)).toMatchObject({
        state: 'present',
        sha256: sha256('class A {}'),
      });
      expect(await effectsOn(path)).toMatchObject([{ commandId: `command-${calls}`, attempt: 1 }]);
    });

    it('given a ghost, then drain waits until it has run', async () => {
      const path = newPath();
      await arm('ghost', 'create_script', { ms: 400 });
      expect(await create(path, 'class A {}')).toMatchObject({ kind: 'unknown', mayStillRun: true });
      expect(await gates.near.probe(EDITOR, path, never)).toMatchObject({ state: 'absent' });
      expect(await gates.near.drain(EDITOR, never)).toEqual({ state: 'ready' });
      expect(await gates.near.probe(EDITOR, path, never)).toMatchObject({ state: 'present' });
    });

    it('given a ghost and nobody drains, then the next call waits for it all the same', async () => {
      const path = newPath();
      await arm('ghost', 'create_script', { ms: 400 });
      expect(await create(path, 'class A {}')).toMatchObject({ kind: 'unknown' });
      expect(await create(path, 'class B {}')).toEqual({ kind: 'exists' });
      expect(readFileSync(join(project, path), 'utf8')).toBe('class A {}');
    });

    it('given all sessions forgotten, then the call is made in a new one', async () => {
      const path = newPath();
      await arm('session_lost', 'create_script');
      expect(await create(path, 'class A {}')).toMatchObject({ kind: 'done' });
      await arm('session_lost', 'create_script', { count: 2 });
      expect(await create(newPath(), 'class A {}')).toMatchObject({ kind: 'not_executed' });
    });

    it.each([
      ['busy', { kind: 'away' }],
      ['disconnect', { kind: 'unknown' }],
      ['reload_before', { kind: 'unknown' }],
      ['reload_after', { kind: 'unknown' }],
      ['crash', { kind: 'unknown' }],
      ['too_large', { kind: 'refused', code: 'request_too_large' }],
    ])(
      'given the fault %s, then the answer tells the truth, and a staged .meta stays only where it may be needed',
      async (fault, expected) => {
        const path = newPath();
        const meta = utf8(`fileFormatVersion: 2\nguid: ${'ab'.repeat(16)}\n`);
        const plan = gates.near.plan({ path, before: null, after: { bytes: utf8('class A {}'), meta } });
        const step = plan.ok ? plan.steps[0] : undefined;
        if (!step) throw new Error('no step');
        await arm(fault, 'create_script', { ms: 100 });
        const answer = await gates.near.run(EDITOR, step, call());
        expect(answer).toMatchObject(expected);
        expect(existsSync(join(project, `${path}.meta`))).toBe(answer.kind === 'unknown');
        await expect
          .poll(async () => (await gates.near.drain(EDITOR, never)).state, { timeout: 5_000 })
          .toBe('ready');
        expect(['done', 'exists']).toContain((await gates.near.run(EDITOR, step, call())).kind);
        expect(content(await gates.near.probe(EDITOR, path, never))?.meta).toEqual(meta);
      },
    );

    it('given a false success of a create that never was, then the probe tells', async () => {
      const path = newPath();
      await create(path, 'class Other {}');
      await arm('reload_before', 'apply_text_edits', { ms: 50, reply: 'verified' });
      const before = content(await gates.near.probe(EDITOR, path, never));
      const plan = gates.near.plan({ path, before, after: { bytes: utf8('class B {}'), meta: null } });
      const step = plan.ok ? plan.steps[0] : undefined;
      if (!step) throw new Error('no step');
      await gates.near.run(EDITOR, step, call());
      expect(content(await gates.near.probe(EDITOR, path, never))?.bytes).toEqual(utf8('class Other {}'));
    });

    it('given bytes that are no UTF-8, then they are staged and imported, and refused without a folder', async () => {
      const path = newPath();
      const latin = Buffer.from([0x2f, 0x2f, 0xe9]);
      await gates.near.drain(EDITOR, never);
      expect(await make('near', path, { bytes: latin, meta: null })).toMatchObject([{ kind: 'done' }]);
      expect(readFileSync(join(project, path))).toEqual(latin);
      const meta = readFileSync(join(project, `${path}.meta`));
      expect(guidOf(meta)).toMatch(/^[0-9a-f]{32}$/);
      expect(await gates.far.probe(EDITOR, path, never)).toMatchObject({
        state: 'refused',
        code: 'not_text',
      });
      expect(await make('far', newPath(), { bytes: latin, meta: null })).toMatchObject([
        { kind: 'refused', code: 'no_project_folder' },
      ]);
    });

    it('given a link out of the project, then it is neither read nor written through', async () => {
      const outside = mkdtempSync(join(tmpdir(), 'spark-outside-'));
      writeFileSync(join(outside, 'Secret.cs'), 'secret');
      mkdirSync(join(project, 'Assets'), { recursive: true });
      symlinkSync(outside, join(project, 'Assets', 'Link'));
      symlinkSync(join(outside, 'Secret.cs'), join(project, 'Assets', 'Secret.cs'));
      try {
        for (const path of ['Assets/Link/Secret.cs', 'Assets/Link/Sub/New.cs', 'Assets/../Library/X.cs']) {
          expect(await gates.near.probe(EDITOR, path, never)).toMatchObject({
            state: 'refused',
            code: 'path_outside_project',
          });
          const step = { kind: 'create', tool: 'create_script', path, contents: 'x', meta: utf8('m') };
          expect(await gates.near.run(EDITOR, step, call())).toMatchObject({ kind: 'refused' });
        }
        expect(await gates.near.probe(EDITOR, 'Assets/Secret.cs', never)).toMatchObject({
          code: 'not_a_regular_file',
        });
        expect(existsSync(join(outside, 'Sub'))).toBe(false);
      } finally {
        rmSync(join(project, 'Assets', 'Link'));
        rmSync(join(project, 'Assets', 'Secret.cs'));
        rmSync(outside, { recursive: true });
      }
    });

    it('given a call cut off by its signal, then it throws the reason', async () => {
      const path = newPath();
      await arm('latency', 'create_script', { ms: 400 });
      const plan = gates.near.plan({ path, before: null, after: { bytes: utf8('class A {}'), meta: null } });
      const step = plan.ok ? plan.steps[0] : undefined;
      if (!step) throw new Error('no step');
      const stop = new AbortController();
      const running = gates.near.run(EDITOR, step, call(stop.signal));
      const waiting = gates.near.run(EDITOR, step, call(stop.signal));
      stop.abort(new Error('shutting down'));
      await Promise.all([
        expect(running).rejects.toThrow('shutting down'),
        expect(waiting).rejects.toThrow('shutting down'),
      ]);
      expect(await gates.near.drain(EDITOR, never)).toEqual({ state: 'ready' });
    });

    it('given a token that is not above the highest, then it is refused before anything is sent', async () => {
      const plan = gates.near.plan({
        path: newPath(),
        before: null,
        after: { bytes: utf8('class A {}'), meta: null },
      });
      const step = plan.ok ? plan.steps[0] : undefined;
      if (!step) throw new Error('no step');
      const stale = { ...call(), token: { epoch: 1, call: 0 } };
      await expect(gates.near.run(EDITOR, step, stale)).rejects.toMatchObject({ code: 'stale_fence_token' });
      expect(existsSync(join(project, step.path))).toBe(false);
    });

    it('given a server that is gone, then everything is away', async () => {
      const gate = await open({ serverUrl: 'http://127.0.0.1:9/mcp', clock: systemClock });
      expect(await gate.readiness(EDITOR, never)).toMatchObject({ state: 'away' });
      expect(await gate.drain(EDITOR, never)).toMatchObject({ state: 'away' });
      expect(await gate.probe(EDITOR, 'Assets/A.cs', never)).toMatchObject({ state: 'away' });
      const view = { width: 1, height: 1, format: 'png', mode: 'fast' } as const;
      expect(await gate.render(EDITOR, view, call())).toMatchObject({ kind: 'away' });
      await gate.stop();
      await gate.stop();
    });
  });
}

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import { createEditorGate } from '../../src/unity/gate.js';
import type { Answer, FileContent } from '../../src/workers/editor.js';
import { answerStream, type ScriptedServer, startScriptedServer } from './support/scriptedMcpServer.js';

/** Answers that the simulator does not give and the real server does. */
const PATH = 'Assets/A.cs';
const signal = new AbortController().signal;
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
const text = (content: string): FileContent => ({ bytes: utf8(content), meta: null });

let root: string;
let server: ScriptedServer;
let gate: ReturnType<typeof createEditorGate>;
let calls = 0;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'spark-step-'));
  mkdirSync(join(root, 'Assets'));
  server = await startScriptedServer();
  gate = createEditorGate({
    serverUrl: server.url,
    clock: systemClock,
    timeouts: { importMs: 300 },
    editors: [{ editor: 'e', instance: 'Game@1', projectFolder: root }],
  });
});

afterEach(async () => {
  await gate.stop();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Every tool answers with `answers[tool]`, or success. Gives the tools called. */
function script(answers: Record<string, object>): string[] {
  const tools: string[] = [];
  server.onCall = (seen, response) => {
    const tool = String(seen.message.params?.['name']);
    tools.push(tool);
    answerStream(response, seen, answers[tool] ?? { success: true, message: 'ok' });
  };
  return tools;
}

async function first(
  before: FileContent | null,
  after: FileContent | null,
  restore = false,
): Promise<Answer> {
  const change = { path: PATH, before, after, restore };
  const plan = gate.plan(change);
  const step = plan.ok ? plan.steps[0] : undefined;
  if (!step) throw new Error('no step');
  calls += 1;
  return gate.run('e', step, { token: { epoch: 1, call: calls }, commandId: 'c', attempt: 1, signal });
}

describe('runStep', () => {
  it('given a marked file that Unity reads without its mark, then the gate writes it and Unity imports it', async () => {
    writeFileSync(join(root, PATH), '\ufeffclass A {}');
    writeFileSync(join(root, `${PATH}.meta`), 'guid');
    const staleFile = {
      success: false,
      code: 'stale_file',
      error: 'stale_file',
      data: { current_sha256: sha256('class A {}') },
    };
    const tools = script({ apply_text_edits: staleFile });
    expect(await first(text('\ufeffclass A {}'), text('\ufeffclass B {}'))).toMatchObject({ kind: 'done' });
    expect(tools).toEqual(['apply_text_edits', 'manage_asset']);
    expect(readFileSync(join(root, PATH), 'utf8')).toBe('\ufeffclass B {}');
    writeFileSync(join(root, PATH), 'class Human {}');
    expect(await first(text('\ufeffclass A {}'), text('\ufeffclass B {}'))).toMatchObject({ kind: 'stale' });
    expect(readFileSync(join(root, PATH), 'utf8')).toBe('class Human {}');
  });

  it('given text that Unity refuses, then a restored .meta is taken back; given an unknown outcome, it stays', async () => {
    const restored = { bytes: utf8('class A {}'), meta: utf8('guid: x\n') };
    script({
      create_script: { success: false, code: 'validation_failed', error: 'validation_failed', data: null },
    });
    expect(await first(null, restored)).toMatchObject({ kind: 'refused', code: 'validation_failed' });
    expect(readdirSync(join(root, 'Assets'))).toEqual([]);
    script({
      create_script: { success: false, error: 'TimeoutError', hint: 'retry' },
      read_console: { success: true },
    });
    expect(await first(null, restored)).toMatchObject({ kind: 'unknown' });
    expect(readdirSync(join(root, 'Assets'))).toEqual(['A.cs.meta']);
  });

  it('given a staged file that Unity does not import, then the outcome is unknown, and running it again imports only', async () => {
    const latin = { bytes: Buffer.from([0xe9]), meta: utf8('guid: x\n') };
    script({ manage_asset: { success: false, error: 'busy', data: { reason: 'compiling' } } });
    expect(await first(null, latin)).toMatchObject({
      kind: 'unknown',
      reason: 'written on disk, not imported: compiling',
    });
    const tools = script({});
    expect(await first(null, latin)).toMatchObject({ kind: 'done' });
    expect(tools).toEqual(['manage_asset']);
    expect(readFileSync(join(root, `${PATH}.meta`), 'utf8')).toBe('guid: x\n');
  });

  it('given a restore of bytes and .meta, then Unity edits the text and the gate replaces only the .meta that was looked at', async () => {
    const change = {
      path: PATH,
      before: { bytes: utf8('class B {}\n'), meta: utf8('guid: b\n') },
      after: { bytes: utf8('class A {}\n'), meta: utf8('guid: a\n') },
      restore: true,
    };
    const plan = gate.plan(change);
    if (!plan.ok) throw new Error(plan.message);
    const [a, b] = [change.after, change.before].map(({ bytes }) => sha256(bytes));
    expect(plan.steps.map(({ tool }) => tool)).toEqual(['apply_text_edits', 'manage_asset']);
    expect(plan.waypoints).toEqual([b, a, a]);
    const last = plan.steps[1];
    if (!last) throw new Error('no step');
    const run = () => {
      calls += 1;
      return gate.run('e', last, { token: { epoch: 1, call: calls }, commandId: 'c', attempt: 1, signal });
    };
    const lies = (text: string, meta: string) => {
      writeFileSync(join(root, PATH), text);
      writeFileSync(join(root, `${PATH}.meta`), meta);
    };
    const lying = () => [PATH, `${PATH}.meta`].map((file) => readFileSync(join(root, file), 'utf8'));
    const tools = script({});
    lies('class A {}\n', 'guid: b\n');
    for (const time of [1, 2]) {
      expect(await run()).toMatchObject({ kind: 'done' });
      expect([tools.length, lying()]).toEqual([time, ['class A {}\n', 'guid: a\n']]);
    }
    lies('class A {}\n', 'guid: human\n');
    expect(await run()).toMatchObject({ kind: 'done' });
    expect(lying()).toEqual(['class A {}\n', 'guid: human\n']);
    lies('class Human {}\n', 'guid: b\n');
    expect(await run()).toMatchObject({ kind: 'stale' });
    expect(lying()).toEqual(['class Human {}\n', 'guid: b\n']);
  });

  it('given a delete of a file that is gone or changed, then it is stale and nothing is called', async () => {
    const tools = script({});
    expect(await first(text('class A {}'), null)).toEqual({ kind: 'stale', currentSha256: null });
    writeFileSync(join(root, PATH), 'class Human {}');
    expect(await first(text('class A {}'), null)).toEqual({
      kind: 'stale',
      currentSha256: sha256('class Human {}'),
    });
    expect(tools).toEqual([]);
  });

  it('given a picture that is none, or none at all, then nothing is taken for an image', async () => {
    const view = { width: 10, height: 10, format: 'png', mode: 'fast' } as const;
    const render = () => {
      calls += 1;
      return gate.render('e', view, { token: { epoch: 1, call: calls }, commandId: 'c', attempt: 1, signal });
    };
    script({});
    expect(await render()).toMatchObject({ kind: 'not_executed' });
    script({
      manage_camera: { success: true, data: { imageBase64: Buffer.from('no png').toString('base64') } },
    });
    expect(await render()).toMatchObject({ kind: 'not_executed' });
    const huge = Buffer.from('89504e470d0a1a0a0000000d494844520000ffff0000ffff', 'hex').toString('base64');
    script({ manage_camera: { success: true, data: { imageBase64: huge } } });
    expect(await render()).toMatchObject({ kind: 'refused', code: 'image_too_large' });
  });

  it('given a scene that is not the active one, then it is loaded first', async () => {
    const tools = script({ manage_scene: { success: true, data: { path: 'Assets/Other.unity' } } });
    calls += 1;
    await gate.render(
      'e',
      { scenePath: 'Assets/Main.unity', width: 10, height: 10, format: 'png', mode: 'fast' },
      { token: { epoch: 1, call: calls }, commandId: 'c', attempt: 1, signal },
    );
    expect(tools).toEqual(['manage_scene', 'manage_scene', 'manage_camera']);
  });
});

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createEditorGate } from '../../src/unity/gate.js';
import type { Answer } from '../../src/workers/editor.js';
import { fbx } from '../support/sampleFiles.js';
import { answerStream, type ScriptedServer, startScriptedServer } from './support/scriptedMcpServer.js';

/** What the model importer of real servers may answer and the simulator's does not. */
const PATH = 'Assets/Ship_0190f1e23a4b.fbx';
const signal = new AbortController().signal;
let root: string;
let server: ScriptedServer;
let gate: ReturnType<typeof createEditorGate>;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'spark-model-'));
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

type Arguments = Record<string, string>;

/** Answers `import_model_file`; the calls of other tools succeed. Gives every call as `tool action`. */
function importer(answer: (args: Arguments) => object): string[] {
  const calls: string[] = [];
  server.onCall = (seen, response) => {
    const tool = String(seen.message.params?.['name']);
    const args = (seen.message.params?.['arguments'] ?? {}) as Arguments;
    calls.push(`${tool} ${args['action'] ?? ''}`.trim());
    // As Unity leaves it: imported means that there is a `.meta`.
    if (args['action'] === 'import') writeFileSync(join(root, `${args['path']}.meta`), 'guid: 1\n');
    const ok = { success: true, message: 'ok' };
    answerStream(response, seen, tool === 'import_model_file' ? answer(args) : ok);
  };
  return calls;
}

function run(): Promise<Answer> {
  const plan = gate.plan({ path: PATH, before: null, after: { bytes: fbx(), meta: null } });
  const step = plan.ok ? plan.steps[0] : undefined;
  if (!step) throw new Error('no step');
  return gate.run('e', step, { token: { epoch: 1, call: 1 }, commandId: 'c', attempt: 1, signal });
}

describe('the model importer of a real server', () => {
  it('is given an absolute path outside of Assets, the name, and the folder', async () => {
    const seen: Arguments[] = [];
    importer((args) => {
      seen.push(args);
      expect(readFileSync(args['source_path'] ?? '')).toEqual(fbx());
      writeFileSync(join(root, PATH), fbx());
      writeFileSync(join(root, `${PATH}.meta`), 'guid: 1\n');
      return { success: true, message: 'ok', data: { asset_path: PATH } };
    });
    expect(await run()).toMatchObject({ kind: 'done' });
    expect(seen).toMatchObject([{ name: 'Ship_0190f1e23a4b', output_folder: 'Assets' }]);
    expect(seen[0]?.['source_path']?.startsWith(join(root, 'Assets'))).toBe(false);
    expect(existsSync(join(root, 'Library'))).toBe(false);
  });

  it.each([
    ['is not there', { success: false, error: 'Unknown tool: import_model_file' }],
    [
      'is switched off',
      { success: false, error: "Tool 'import_model_file' is disabled in the Unity Editor." },
    ],
    [
      'sees the disk elsewhere',
      { success: false, code: 'Source file not found: /x', error: 'Source file not found: /x' },
    ],
  ])('when it %s, the model is imported in place', async (_what, answer) => {
    const calls = importer(() => answer);
    expect(await run()).toMatchObject({ kind: 'done' });
    expect(calls).toEqual(['import_model_file', 'manage_asset import']);
    expect(readFileSync(join(root, PATH))).toEqual(fbx());
  });

  it('when it refuses what it has copied, the copy is taken away and the refusal told', async () => {
    const message = 'glTF import needs the glTFast package';
    const calls = importer(() => {
      writeFileSync(join(root, PATH), fbx());
      return { success: false, code: message, error: message };
    });
    expect(await run()).toMatchObject({ kind: 'refused', message });
    expect(calls).toEqual(['import_model_file', 'manage_asset delete']);
  });

  it('when it names another place, that is told instead of importing a second copy', async () => {
    const data = { asset_path: 'Assets/Ship_1.fbx' };
    importer(() => ({ success: true, message: 'ok', data }));
    expect(await run()).toMatchObject({
      kind: 'refused',
      code: 'imported_elsewhere',
      message: expect.stringContaining('Assets/Ship_1.fbx'),
    });
  });
});

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { systemClock } from '../../src/core/clock.js';
import { CALL_TIMEOUTS } from '../../src/unity/editorAccess.js';
import { createEditorGate } from '../../src/unity/gate.js';
import type { GateCall } from '../../src/workers/editor.js';
import { answerStream, type ScriptedServer, startScriptedServer } from './support/scriptedMcpServer.js';

/** Short for what the case is about, far longer than a test for all else. */
const LONG = { readMs: 60_000, renderMs: 60_000, buildStartMs: 60_000, mutationMs: 60_000 };
const SHORT_MS = 150;
const never = new AbortController().signal;

let server: ScriptedServer;
const stops: (() => Promise<void>)[] = [];
const held: ServerResponse[] = [];
beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  for (const response of held.splice(0)) response.destroy();
  for (const stop of stops.splice(0)) await stop();
  await server.stop();
});

/** A gate to a server that answers everything but the calls `silent` picks. */
function gateOf(
  short: keyof typeof LONG,
  silent: (tool: unknown, args: Readonly<Record<string, unknown>>) => boolean,
) {
  server.onCall = (seen, response) => {
    const { name, arguments: args } = seen.message.params ?? {};
    if (silent(name, (args ?? {}) as Record<string, unknown>)) held.push(response);
    else answerStream(response, seen, { success: true, message: 'ok', data: { path: 'Assets/Other.unity' } });
  };
  const gate = createEditorGate({
    serverUrl: server.url,
    clock: systemClock,
    timeouts: { ...LONG, [short]: SHORT_MS },
    editors: [{ editor: 'e', instance: 'Game@1', projectFolder: null }],
  });
  stops.push(() => gate.stop());
  return gate;
}

const call: GateCall = { token: { epoch: 1, call: 1 }, commandId: 'c', attempt: 1, signal: never };
const view = { width: 64, height: 64, format: 'png', mode: 'fast' } as const;

describe('the time a call may take', () => {
  it('is what product.md says, and the configuration’s default says the same', () => {
    const config = loadConfig({});
    expect(CALL_TIMEOUTS).toMatchObject({ readMs: 10_000, renderMs: 45_000, mutationMs: 150_000 });
    expect(CALL_TIMEOUTS).toMatchObject({
      readMs: config.UNITY_READ_TIMEOUT_MS,
      renderMs: config.UNITY_RENDER_TIMEOUT_MS,
      buildStartMs: config.UNITY_BUILD_START_TIMEOUT_MS,
      mutationMs: config.UNITY_MUTATION_TIMEOUT_MS,
    });
    expect(config.MCP_MAX_ATTEMPTS).toBe(3);
  });

  it('of a read ends it, as something that may be asked again', async () => {
    const gate = gateOf('readMs', (tool) => tool === 'manage_script');
    expect(await gate.probe('e', 'Assets/A.cs', never)).toMatchObject({ state: 'away' });
  });

  it('of a picture is its own: a read’s does not end it', async () => {
    const gate = gateOf('renderMs', (tool) => tool === 'manage_camera');
    expect(await gate.render('e', view, call)).toMatchObject({ kind: 'unknown' });
  });

  it('of a scene loaded for a picture is the picture’s', async () => {
    const gate = gateOf('renderMs', (tool, args) => tool === 'manage_scene' && args['action'] === 'load');
    const answer = await gate.render('e', { ...view, scenePath: 'Assets/Main.unity' }, call);
    expect(answer).toMatchObject({ kind: 'unknown' });
  });

  it('of the start and the cancel of a build is their own', async () => {
    const gate = gateOf('buildStartMs', (tool) => tool === 'manage_build');
    const order = { target: 'webgl', outputPath: 'Builds/x' };
    expect(await gate.builds.start('e', order, call)).toMatchObject({ kind: 'unknown' });
    const next = { ...call, token: { epoch: 1, call: 2 } };
    expect(await gate.builds.cancel('e', 'job-1', next)).toMatchObject({ kind: 'unknown' });
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { systemClock } from '../../src/core/clock.js';
import { createLogger } from '../../src/observability/logger.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { Circuits } from '../../src/roles/circuits.js';
import type { RoleContext } from '../../src/roles/context.js';
import { createRoleGate } from '../../src/roles/gateChoice.js';
import { gateIdentity, tokenForGate, tokenOfGate } from '../../src/roles/gateState.js';
import { GATE_ID, GATE_TOKEN, serveGate } from '../support/openGate.js';
import { DONE, fakeGate } from './fakeGate.js';

let folder: string;
const warnings: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spark-gate-choice-'));
  warnings.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function contextOf(env: Record<string, string>): RoleContext {
  const config = loadConfig({ SPARK_HOME: folder, ...env });
  return {
    config,
    clock: systemClock,
    logger: createLogger({ level: 'warn', write: (line) => warnings.push(line) }),
    metrics: createMetrics(),
    version: 'test',
    stateDir: join(folder, 'fences'),
    parts: {
      nats: { url: '', wsUrl: null, credentials: () => undefined },
      postgres: { adminUrl: '', urlOf: () => '', hasReplica: false, passwords: {} },
      unity: { mcpUrl: 'http://127.0.0.1:9/mcp', token: undefined, editors: [], resolve: undefined },
      services: { cv: undefined, asr: undefined },
    },
  };
}

const called: string[] = [];
const editors = {
  registry: { entries: new Map() },
  health: { called: (editor: string) => called.push(editor) },
} as unknown as Parameters<typeof createRoleGate>[1];

const choose = (env: Record<string, string>, signal?: AbortSignal) => {
  const context = contextOf(env);
  return createRoleGate(context, editors, new Circuits(context), signal);
};

describe("a worker's gate", () => {
  it('given no URL, then it is its own and nobody else has its identity', async () => {
    const [one, other] = await Promise.all([choose({}), choose({})]);
    expect(one.identity).not.toBe(other.identity);
    expect(await one.gate.readiness('a', new AbortController().signal)).toMatchObject({ state: 'away' });
    await Promise.all([one.gate.stop(), other.gate.stop()]);
  });

  it('given a URL, then it waits for that gate, takes its identity and reports its calls', async () => {
    const free = await serveGate(fakeGate(folder, async () => DONE));
    const { port } = free.address();
    await free.stop();
    const waiting = choose({ SPARK_GATE_URL: `http://127.0.0.1:${port}/`, SPARK_GATE_TOKEN: GATE_TOKEN });
    await expect.poll(() => warnings.join('')).toContain('the gate cannot be asked yet');
    const server = await serveGate(
      fakeGate(folder, async () => DONE),
      { port },
    );
    const { gate, identity, survey } = await waiting;
    expect(identity).toBe(GATE_ID);
    expect(await survey(new AbortController().signal)).toMatchObject([{ editor: 'a', connected: undefined }]);
    const call = { token: { epoch: 1, call: 1 }, commandId: 'c', attempt: 1 };
    const signal = new AbortController().signal;
    expect(await gate.callTool('a', 't', {}, { ...call, signal })).toEqual(DONE);
    expect(called).toEqual(['a']);
    await gate.stop();
    await server.stop();
  });

  it('given a token that the gate does not know, then it says so at once; given a stop meanwhile, it ends', async () => {
    const server = await serveGate(fakeGate(folder, async () => DONE));
    const { url, port } = server.address();
    const wrong = { SPARK_GATE_URL: url, SPARK_GATE_TOKEN: 'another-token-0123456789' };
    await expect(choose(wrong)).rejects.toMatchObject({ code: 'gate_token_refused' });
    await server.stop();
    const stop = new AbortController();
    const waiting = choose({ ...wrong, SPARK_GATE_URL: `http://127.0.0.1:${port}` }, stop.signal);
    const ended = expect(waiting).rejects.toThrow('stop');
    stop.abort(new Error('stop'));
    await ended;
  });

  it('given no token, then it takes that of a gate in the same home, which is made once and for its user only', async () => {
    const { config, stateDir } = contextOf({ SPARK_GATE_URL: 'http://[::1]:1' });
    const elsewhere = contextOf({ SPARK_GATE_URL: 'http://gate.example:8790' }).config;
    expect(() => tokenForGate(elsewhere, stateDir)).toThrow(
      expect.objectContaining({ code: 'no_gate_token' }),
    );
    const token = tokenForGate(config, stateDir);
    expect(token.length).toBeGreaterThan(40);
    expect([tokenOfGate(config, stateDir), tokenForGate(config, stateDir)]).toEqual([token, token]);
    expect(statSync(join(stateDir, 'gate.token')).mode & 0o777).toBe(0o600);
    const id = gateIdentity(stateDir);
    expect([gateIdentity(stateDir), readFileSync(join(stateDir, 'gate.id'), 'utf8')]).toEqual([id, id]);
    const configured = contextOf({ SPARK_GATE_TOKEN: GATE_TOKEN }).config;
    expect([tokenOfGate(configured, stateDir), tokenForGate(configured, stateDir)]).toEqual(
      Array(2).fill(GATE_TOKEN),
    );
  });
});

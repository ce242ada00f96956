import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeMessage } from '../../src/gate/codec.js';
import type { GateServer } from '../../src/gate/gateServer.js';
import { createAuthenticator, grantOf } from '../../src/http/auth.js';
import { createHostGuard } from '../../src/http/hostGuard.js';
import { GATE_ID, GATE_TOKEN, serveGate } from '../support/openGate.js';
import { DONE, fakeGate } from './fakeGate.js';

const CALL = { token: { epoch: 1, call: 1 }, commandId: 'c', attempt: 1 };
const STEP = { kind: 'create', tool: 'create_script', path: 'Assets/A.cs', contents: 'x', meta: null };
const MAX_BYTES = 100_000;

let folder: string;
let gate: ReturnType<typeof fakeGate>;
let server: GateServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spark-gate-edges-'));
  gate = fakeGate(folder, async () => DONE);
  const authenticate = createAuthenticator([grantOf('worker', GATE_TOKEN)]);
  server = await serveGate(gate, {
    authorized: (header) => authenticate(header) !== undefined,
    hostAllowed: createHostGuard('127.0.0.1', []),
    local: () => false,
    maxMessageBytes: MAX_BYTES,
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function post(
  operation: string,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Buffer; refused: string | null }> {
  const response = await fetch(`${server.address().url}/v1/gate/${operation}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${GATE_TOKEN}`, 'spark-gate-id': GATE_ID, ...headers },
    body: Buffer.isBuffer(message) ? new Uint8Array(message) : new Uint8Array(encodeMessage(message)),
  });
  return {
    status: response.status,
    body: Buffer.from(await response.arrayBuffer()),
    refused: response.headers.get('spark-gate-refused'),
  };
}

describe('the edge of the gate', () => {
  it('given the token, then a call goes through once', async () => {
    const { status, body } = await post('run', { editor: 'a', step: STEP, call: CALL });
    expect([status, body[0]]).toEqual([200, 1]);
    expect(gate.begun).toEqual(['create_script c']);
  });

  it.each([
    ['no token', { authorization: '' }],
    ['another token', { authorization: 'Bearer another-token-0123456789' }],
    ['the beginning of the token', { authorization: `Bearer ${GATE_TOKEN.slice(0, -1)}` }],
    ['the token without its scheme', { authorization: GATE_TOKEN }],
  ])('given %s, then nothing is begun and nothing is told', async (_what, headers) => {
    const before = gate.begun.length;
    const answer = await post('run', { editor: 'a', step: STEP, call: CALL }, headers);
    expect([answer.status, answer.refused]).toEqual([401, '1']);
    const url = server.address().url;
    for (const path of ['/v1/gate/identity', '/metrics'])
      expect((await fetch(url + path, { headers })).status).toBe(401);
    expect(gate.begun).toHaveLength(before);
  });

  it('given the token, then it tells its id and its metrics; health is told to anybody', async () => {
    const { url } = server.address();
    const headers = { authorization: `Bearer ${GATE_TOKEN}` };
    expect(await (await fetch(`${url}/v1/gate/identity`, { headers })).json()).toEqual({ id: GATE_ID });
    expect(await (await fetch(`${url}/metrics`, { headers })).text()).toContain(
      'spark_gate_requests_total{operation="run",outcome="answered"} 1',
    );
    for (const path of ['/livez', '/readyz']) expect((await fetch(url + path)).status).toBe(200);
  });

  it('given a page of another site, then its Host is refused', async () => {
    const answer = await rawRequest(server.address().port, [
      'POST /v1/gate/survey HTTP/1.1',
      'Host: evil.example',
      `Authorization: Bearer ${GATE_TOKEN}`,
    ]);
    expect(answer).toMatch(/^HTTP\/1.1 403 /);
  });

  it('given the id of another gate, then nothing is begun: its tokens mean nothing here', async () => {
    const answer = await post('survey', {}, { 'spark-gate-id': 'another' });
    expect([answer.status, answer.refused]).toEqual([412, '1']);
  });

  it.each([
    ['a message that is none', 'run', Buffer.from('hello')],
    ['a step of no kind', 'run', { editor: 'a', step: { ...STEP, kind: 'format_disk' }, call: CALL }],
    ['a step with another tool', 'run', { editor: 'a', step: { ...STEP, tool: 'execute_menu' }, call: CALL }],
    ['a step with a member too many', 'run', { editor: 'a', step: { ...STEP, shell: 'x' }, call: CALL }],
    ['text where bytes belong', 'run', { editor: 'a', step: { ...STEP, meta: 'text' }, call: CALL }],
    ['an editor that is no name', 'run', { editor: '../x', step: STEP, call: CALL }],
    ['no token', 'run', { editor: 'a', step: STEP, call: { commandId: 'c', attempt: 1 } }],
    [
      'a token of no number',
      'run',
      { editor: 'a', step: STEP, call: { ...CALL, token: { epoch: '1', call: 1 } } },
    ],
    ['a negative call', 'run', { editor: 'a', step: STEP, call: { ...CALL, token: { epoch: 1, call: -1 } } }],
    [
      'a partition of no number',
      'drain',
      { editor: 'a', unsettled: [{ epoch: 1, call: 1, partition: 'x' }] },
    ],
    [
      'bytes among arguments',
      'call-tool',
      { editor: 'a', tool: 't', args: { a: Buffer.from('x') }, call: CALL },
    ],
    ['more than any file', 'read-file', { editor: 'a', path: 'Assets/A', maxBytes: 2 ** 31 }],
    ['a look with a member too many', 'readiness', { editor: 'a', path: 'x' }],
  ])('given %s, then it is refused before anything begins', async (_what, operation, message) => {
    const before = gate.begun.length;
    const answer = await post(operation, message);
    expect([answer.status, answer.refused]).toEqual([400, '1']);
    expect(gate.begun).toHaveLength(before);
  });

  it('given an operation that there is not, then 404, also for what every object has', async () => {
    for (const operation of ['destroy', 'constructor', '__proto__', 'run/x'])
      expect((await post(operation, {})).status).toBe(404);
  });

  it('given more bytes than are taken, then 413 by their length alone; without a length 411', async () => {
    const head = (length: string[]) => [
      'POST /v1/gate/run HTTP/1.1',
      'Host: localhost',
      `Authorization: Bearer ${GATE_TOKEN}`,
      `Spark-Gate-Id: ${GATE_ID}`,
      ...length,
    ];
    const { port } = server.address();
    expect(await rawRequest(port, head([`Content-Length: ${MAX_BYTES + 1}`]))).toMatch(/^HTTP\/1.1 413 /);
    expect(await rawRequest(port, head(['Transfer-Encoding: chunked']))).toMatch(/^HTTP\/1.1 411 /);
  });
});

/** Sends a head and no body; resolves with the first that comes back. */
function rawRequest(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/** Starts simulators in this process and talks to them without any SPARK code: raw JSON-RPC over fetch. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { SimulatorOptions } from '../../../src/embedded/simulator/options.js';
import { type RunningSimulator, startSimulator } from '../../../src/embedded/simulator/start-simulator.js';

type Json = Record<string, unknown>;

export interface ToolAnswer {
  readonly isError: boolean;
  /** The JSON in `content[0].text`, or `{ text }` when it is none. */
  readonly body: Json & { readonly data?: Json };
  readonly raw: Json;
}

export interface TestSimulator extends RunningSimulator {
  readonly state: string;
  /** Calls a tool on an editor (`default` unless said) in a session of its own making. */
  tool(name: string, args?: Json, options?: CallOptions): Promise<ToolAnswer>;
  control(method: string, path: string, body?: Json): Promise<{ status: number; body: Json }>;
  effects(after?: number): Promise<Json[]>;
  file(path: string, editor?: string): Promise<Buffer>;
  instance(editor?: string): Promise<string>;
}

export interface CallOptions {
  readonly editor?: string | null;
  readonly meta?: Json;
  readonly session?: string;
}

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'spark-sim-test-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function rpc(method: string, params: Json = {}, id: number | undefined = 1): Json {
  return { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method, params };
}

export function post(
  url: string,
  body: unknown,
  session?: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** The JSON-RPC messages in an event stream. */
export function events(text: string): Json[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as Json);
}

export async function openSession(url: string): Promise<string> {
  const params = {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  };
  const response = await post(url, rpc('initialize', params));
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}

export async function simulate(options: Partial<SimulatorOptions> = {}): Promise<TestSimulator> {
  const state = options.stateDir ?? (await freshFolder());
  const running = await startSimulator({ fsync: false, ...options, stateDir: state });
  cleanups.push(() => running.stop());
  const control: TestSimulator['control'] = async (method, path, body) => {
    const response = await fetch(`${running.sim}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Json };
  };
  const instance: TestSimulator['instance'] = async (editor = 'default') => {
    const { body } = await control('GET', '/editors');
    const found = (body['editors'] as Json[]).find((each) => each['editor'] === editor);
    return String(found?.['instance']);
  };
  let session: string | undefined;
  return {
    ...running,
    state,
    control,
    instance,
    async tool(name, args = {}, { editor = 'default', meta, session: given } = {}) {
      session ??= await openSession(running.url);
      const target = editor === null ? {} : { unity_instance: await instance(editor) };
      const params = {
        name,
        arguments: { ...args, ...target },
        ...(meta === undefined ? {} : { _meta: meta }),
      };
      const response = await post(running.url, rpc('tools/call', params), given ?? session);
      if (response.status === 404) session = undefined;
      const text = await response.text();
      if (response.status !== 200) throw new Error(`HTTP ${response.status} ${text}`);
      const result = events(text).at(-1)?.['result'] as {
        content: { text: string }[];
        isError: boolean;
      } & Json;
      return { isError: result.isError, body: parse(result.content[0]?.text ?? ''), raw: result };
    },
    async effects(after = 0) {
      return (await control('GET', `/effects?after=${after}`)).body['effects'] as Json[];
    },
    file: (path, editor = 'default') => readFile(join(running.projects[editor] ?? '', path)),
  };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return { text };
  }
}

/** Asks again until the answer satisfies, without sleeping blindly: each ask is a round trip. */
export async function until<T>(ask: () => Promise<T>, satisfied: (answer: T) => boolean): Promise<T> {
  for (const end = performance.now() + 10_000; ; ) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (performance.now() > end) throw new Error(`never satisfied; last answer ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Every file below a folder, as paths relative to it. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

export const sample = (name: string, body = ''): string =>
  `using UnityEngine;\n\npublic class ${name} : MonoBehaviour\n{\n    void Start()\n    {\n${body}    }\n}\n`;

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { systemClock } from '../../src/core/clock.js';
import { grantOf, type TokenGrant } from '../../src/http/auth.js';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/http/httpServer.js';
import { createLogger } from '../../src/observability/logger.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { loadPresets } from '../../src/presets/library.js';
import { FakeEditors } from './editorFakes.js';
import {
  FakeCancels,
  FakeDeadLetterActions,
  FakeFeed,
  FakeQueries,
  FakeReads,
  FakeSubmitter,
} from './httpFakes.js';
import { MemoryUploads } from './memoryUploads.js';
import { FakeImages } from './operationFakes.js';

export const TOKEN = 'test-token-0123456789';
export const READ_TOKEN = 'reader-token-0123456789';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // The body of a test's answer is looked at field by field.
  readonly json: Record<string, unknown>;
}

export interface Harness {
  readonly server: HttpServer;
  readonly submitter: FakeSubmitter;
  readonly queries: FakeQueries;
  readonly feed: FakeFeed;
  readonly reads: FakeReads;
  readonly uploads: MemoryUploads;
  readonly images: FakeImages;
  readonly deadLetterActions: FakeDeadLetterActions;
  readonly cancels: FakeCancels;
  readonly editors: FakeEditors;
  readonly logLines: string[];
  readonly options: HttpServerOptions;
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
}

export interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Buffer;
  /** Null: none. */
  readonly token?: string | null;
}

/** The real server on a free loopback port, with fakes behind its ports. */
export async function startHarness(change: Partial<HttpServerOptions> = {}): Promise<Harness> {
  const submitter = new FakeSubmitter();
  const queries = new FakeQueries();
  const feed = new FakeFeed();
  const reads = new FakeReads(feed);
  const deadLetterActions = new FakeDeadLetterActions();
  const images = new FakeImages();
  const cancels = new FakeCancels();
  const uploads = new MemoryUploads();
  const editors = new FakeEditors();
  const presets = await loadPresets();
  const logLines: string[] = [];
  const tokens: TokenGrant[] = [grantOf('tester', TOKEN), grantOf('reader', READ_TOKEN, ['read'])];
  const options: HttpServerOptions = {
    host: '127.0.0.1',
    port: 0,
    tokens,
    version: '0.0.0-test',
    keys: { termMs: 604_800_000, maxKeys: 500_000 },
    ...{ submitter, queries, feed, reads, uploads, editors, deadLetterActions, cancels, presets, images },
    admitUpload: () => undefined,
    checks: [],
    metrics: createMetrics(),
    logger: createLogger({ level: 'info', write: (line) => logLines.push(line) }),
    clock: systemClock,
    ...change,
  };
  const server = createHttpServer(options);
  await server.start();
  const call: Harness['call'] = (method, path, request = {}) => send(server, method, path, request);
  return {
    server,
    submitter,
    queries,
    feed,
    reads,
    uploads,
    images,
    deadLetterActions,
    cancels,
    editors,
    logLines,
    options,
    call,
  };
}

export function send(server: HttpServer, method: string, path: string, options: CallOptions): Promise<Reply> {
  const { port } = server.address();
  const body =
    options.raw ?? (options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body)));
  const token = options.token === undefined ? TOKEN : options.token;
  const headers: Record<string, string> = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const req = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = /\/(?:[\w.-]+\+)?json\b/.test(res.headers['content-type'] ?? '');
        const json = (isJson && text !== '' ? JSON.parse(text) : {}) as Record<string, unknown>;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json });
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** A command that is right. */
export function script(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'unity.generate_script',
    sessionId: 's1',
    payload: { name: 'Player', path: 'Assets/Scripts/Player.cs', code: 'public class Player {}' },
    ...change,
  };
}

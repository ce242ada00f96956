import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ServiceError } from './errors.js';
import type { OcrEngine } from './ocrEngine.js';
import { type Mode, recognizeFile } from './recognizeFile.js';
import type { SpeechEngine } from './speechEngine.js';
import { similarityOf } from './textMatch.js';

export interface ServicesOptions {
  readonly token: string;
  readonly ocr: OcrEngine;
  readonly speech: SpeechEngine;
  readonly say: (message: string) => void;
}

const MB = 1024 * 1024;
const CV_LIMIT_BYTES = 10 * MB;
const ASR_LIMIT_BYTES = 50 * MB;

interface Ask {
  readonly mime: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** The HTTP side of the reference services (docs/services.md): raw bytes in, JSON out, one bearer token for all. */
export function createServices(options: ServicesOptions): Server {
  const expected = digest(`Bearer ${options.token}`);
  const server = createServer((request, response) => {
    serve(request, response, options, expected).catch((error: unknown) =>
      answerError(response, error, options),
    );
  });
  server.requestTimeout = 60_000;
  return server;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServicesOptions,
  expected: Buffer,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0];
  if (request.method === 'GET' && path === '/health') return answer(response, 200, { status: 'ok' });
  if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected))
    throw new ServiceError(401, 'unauthorized', 'the bearer token is missing or wrong');
  if (request.method !== 'POST')
    throw new ServiceError(404, 'not_found', 'POST to /v1/ocr, ocv, classify or transcribe');
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const ask = {
    mime:
      String(request.headers['content-type'] ?? '')
        .split(';')[0]
        ?.trim() ?? '',
    parameters: parametersOf(request),
    bytes: await readBody(request, path === '/v1/transcribe' ? ASR_LIMIT_BYTES : CV_LIMIT_BYTES),
    signal: gone.signal,
  };
  answer(response, 200, await run(path ?? '', ask, options));
}

async function run(path: string, ask: Ask, { ocr, speech }: ServicesOptions): Promise<object> {
  const { parameters } = ask;
  switch (path) {
    case '/v1/ocr': {
      const pages = await recognizeFile(ocr, ask, modeOf(parameters), wholeOf(parameters['pages'], 1));
      return { text: pages.map(({ text }) => text).join('\n\f\n'), pages };
    }
    case '/v1/ocv': {
      const expected = parameters['expectedText'];
      if (typeof expected !== 'string' || expected.trim() === '')
        throw new ServiceError(422, 'invalid_parameters', 'expectedText: must be a text');
      const pages = await recognizeFile(ocr, ask, modeOf(parameters), 10);
      const text = pages.map((page) => page.text).join('\n');
      return { ...similarityOf(expected, text), text };
    }
    case '/v1/classify':
      throw new ServiceError(
        422,
        'service_not_configured',
        'SPARK brings no classifier: no general model comes as a package. Set CV_SERVICE_URL to a service of yours that answers /v1/classify (docs/services.md)',
      );
    case '/v1/transcribe':
      return speech.transcribe(ask);
    default:
      throw new ServiceError(404, 'not_found', `there is no ${path}`);
  }
}

function modeOf(parameters: Ask['parameters']): Mode {
  return parameters['mode'] === 'accurate' ? 'accurate' : 'fast';
}

const wholeOf = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : otherwise;

function parametersOf(request: IncomingMessage): Ask['parameters'] {
  const header = request.headers['spark-parameters'];
  if (header === undefined) return {};
  try {
    const value: unknown = JSON.parse(String(header));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Told below.
  }
  throw new ServiceError(422, 'invalid_parameters', 'Spark-Parameters: must be a JSON object');
}

async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const tooLarge = () => new ServiceError(413, 'payload_too_large', `at most ${limitBytes} bytes are taken`);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answerError(response: ServerResponse, error: unknown, { say }: ServicesOptions): void {
  // The client is gone: nobody to tell, and nothing has failed.
  if (response.destroyed) return;
  if (error instanceof ServiceError) {
    if (error.retryAfterSeconds !== undefined)
      response.setHeader('retry-after', String(error.retryAfterSeconds));
    answer(response, error.status, { code: error.code, message: error.message });
    return;
  }
  say(`a request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  answer(response, 500, { code: 'engine_failed', message: 'the engine failed; its log says more' });
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status >= 400 ? { connection: 'close' } : {}),
  });
  response.end(JSON.stringify(body));
}

/** Equal lengths for the comparison in constant time. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OcrEngine } from '../../../src/embedded/services/ocrEngine.js';
import { createServices } from '../../../src/embedded/services/server.js';
import { SpeechEngine } from '../../../src/embedded/services/speechEngine.js';
import { pngOf, textPicture, tiffOf, tiffPage } from '../../support/textPicture.js';

const TOKEN = 'the-token-of-the-reference-services';
const LEVEL = pngOf(textPicture('LEVEL 42 START'));

describe('the reference services, with the real tesseract', { timeout: 60_000 }, () => {
  let server: Server;
  let url = '';
  const said: string[] = [];

  beforeAll(async () => {
    const say = (message: string) => said.push(message);
    // A cache that cannot be made: speech recognition is out of reach whatever machine this is.
    const speech = new SpeechEngine({ cacheDir: '/dev/null/nowhere', env: {}, say });
    server = createServices({ token: TOKEN, ocr: new OcrEngine(), speech, say });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function post(path: string, body: Uint8Array, headers: Record<string, string> = {}) {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'image/png', ...headers },
      body: new Uint8Array(body),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  }

  it('reads a picture, and another while it reads one', async () => {
    const [one, other] = await Promise.all([
      post('/v1/ocr', LEVEL),
      post('/v1/ocr', pngOf(textPicture('SCORE 42'))),
    ]);
    expect(one).toMatchObject({ status: 200, body: { text: 'LEVEL 42 START' } });
    expect(other).toMatchObject({ status: 200, body: { text: 'SCORE 42' } });
  });

  it('reads the pages of a TIFF, as many as asked for', async () => {
    const tiff = tiffOf(['LEVEL 42', 'SCORE 42', 'START'].map((text) => tiffPage(textPicture(text))));
    const headers = { 'content-type': 'image/tiff', 'spark-parameters': '{"pages":2}' };
    expect(await post('/v1/ocr', tiff, headers)).toMatchObject({
      status: 200,
      body: { text: 'LEVEL 42\n\f\nSCORE 42', pages: [{ page: 1 }, { page: 2 }] },
    });
  });

  it('given pictures that wait, each is decoded when its turn has come, and a damaged one stops nobody', async () => {
    const ocr = new OcrEngine();
    const { signal } = new AbortController();
    const happened: string[] = [];
    const one = (name: string, decode: () => Buffer) =>
      ocr
        .recognize(
          () => {
            happened.push(`${name} decoded`);
            return decode();
          },
          'fast',
          signal,
        )
        .finally(() => happened.push(`${name} read`));
    const broken = () => {
      throw new Error('damaged');
    };
    const all = [one('first', () => LEVEL), one('second', broken), one('third', () => LEVEL)];
    const ends = await Promise.allSettled(all);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(happened.indexOf('second decoded')).toBeGreaterThan(happened.indexOf('first decoded'));
    expect(happened.indexOf('third decoded')).toBeGreaterThan(happened.indexOf('first read'));
  });

  it('given a damaged picture, it is refused, and the next one is read', async () => {
    const damaged = Buffer.concat([LEVEL.subarray(0, 60), Buffer.alloc(200, 0x55)]);
    expect(await post('/v1/ocr', damaged)).toMatchObject({ status: 422, body: { code: 'unreadable_media' } });
    expect(await post('/v1/ocr', LEVEL)).toMatchObject({ status: 200, body: { text: 'LEVEL 42 START' } });
  });

  it('given a client that is gone while its picture is read, the next one is read', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const head = [
      'POST /v1/ocr HTTP/1.1',
      'host: x',
      `authorization: Bearer ${TOKEN}`,
      'content-type: image/png',
      `content-length: ${LEVEL.length}`,
    ];
    socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), LEVEL]));
    await new Promise<void>((resolve) => server.once('request', () => resolve()));
    socket.destroy();
    expect(await post('/v1/ocr', LEVEL)).toMatchObject({ status: 200, body: { text: 'LEVEL 42 START' } });
    expect(said, 'nothing has failed').toEqual([]);
  });

  it.each([
    ['no token', '/v1/ocr', LEVEL, { authorization: '' }, 401, 'unauthorized'],
    ['another token', '/v1/ocr', LEVEL, { authorization: `Bearer ${TOKEN}!` }, 401, 'unauthorized'],
    ['more than 10 MB', '/v1/ocr', Buffer.alloc(10 * 1024 * 1024 + 1), {}, 413, 'payload_too_large'],
    ['a kind it does not read', '/v1/ocr', LEVEL, { 'content-type': 'image/gif' }, 415, 'unsupported_media'],
    ['parameters that are no JSON', '/v1/ocr', LEVEL, { 'spark-parameters': '{' }, 422, 'invalid_parameters'],
    ['nothing to look for', '/v1/ocv', LEVEL, {}, 422, 'invalid_parameters'],
    ['a picture to classify', '/v1/classify', LEVEL, {}, 422, 'service_not_configured'],
    [
      'another language',
      '/v1/transcribe',
      LEVEL,
      { 'content-type': 'audio/wav', 'spark-parameters': '{"language":"tlh"}' },
      422,
      'unsupported_language',
    ],
    ['a picture to listen to', '/v1/transcribe', LEVEL, {}, 415, 'unsupported_media'],
    ['an unknown path', '/v1/guess', LEVEL, {}, 404, 'not_found'],
  ] as const)('given %s, it says so', async (_what, path, body, headers, status, code) => {
    expect(await post(path, body, headers)).toMatchObject({ status, body: { code } });
  });

  it('given a recogniser that cannot be fetched, it first asks to come back and then says what to do', async () => {
    const audio = { 'content-type': 'audio/wav' };
    const first = await post('/v1/transcribe', Buffer.alloc(10), audio);
    expect(first).toMatchObject({ status: 503, body: { code: 'engine_loading' } });
    expect(first.headers.get('retry-after')).toBe('2');
    expect(await post('/v1/transcribe', Buffer.alloc(10), audio)).toMatchObject({
      status: 422,
      body: { code: 'engine_unavailable', message: expect.stringContaining('ASR_SERVICE_URL') },
    });
  });
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wavOf } from '../support/recordings.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { pngOf, textPicture } from '../support/textPicture.js';
import { putFile } from './support/putFile.js';

const PICTURE = textPicture('LEVEL 42 START');

const gauge = async (spark: Spark, endpoint: string): Promise<number> => {
  const text = String((await spark.http('/metrics')).body);
  return Number(new RegExp(`^spark_circuit_state\\{endpoint="${endpoint}"\\} (\\d)`, 'm').exec(text)?.[1]);
};

describe('no service at all', () => {
  const home = newHome();
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home, env: { SPARK_REFERENCE_SERVICES: 'off' } });
    putFile(spark, 'Uploads/silence.wav', wavOf(1));
    putFile(spark, 'Uploads/level.png', pngOf(PICTURE));
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  it.each([
    ['asr.transcribe', { path: 'Uploads/silence.wav', mime: 'audio/wav' }, 'ASR_SERVICE_URL'],
    ['cv.ocr', { path: 'Uploads/level.png', mime: 'image/png' }, 'CV_SERVICE_URL'],
  ])('given nothing configured for %s, it says which variable to set', async (type, payload, variable) => {
    const { body } = await spark.submitAndWait({ type, sessionId: 'none', payload });
    expect(body).toMatchObject({
      state: 'failed',
      error: { code: 'service_not_configured', message: expect.stringContaining(variable) },
    });
    expect(spark.readEndpoints()).toMatchObject({
      cvService: null,
      asrService: null,
      pids: { services: null },
    });
  });
});

/** What a service of one's own answers, by its path. */
const ANSWERS: Readonly<Record<string, object>> = {
  '/v1/ocr': { text: 'OK', pages: [], usage: { model: 'mine-1', inputTokens: 5, outputTokens: 7 } },
  '/v1/classify': {
    labels: [
      { label: 'menu', score: 0.25 },
      { label: 'level', score: 0.75 },
    ],
  },
  '/v1/transcribe': {
    text: 'go on',
    segments: [{ startSeconds: 0, endSeconds: 0.5, text: 'go on' }],
    language: 'en',
    durationSeconds: 1,
  },
};

interface Asked {
  readonly path: string;
  readonly token: string | undefined;
  readonly parameters: unknown;
  readonly bytes: Buffer;
}

describe('a service of your own', () => {
  const home = newHome();
  let spark: Spark;
  let server: Server | undefined;
  let port = 0;
  /** Calls that came in, and those whose whole file came in too. */
  let calls = 0;
  const asked: Asked[] = [];
  const OCR = { path: 'Uploads/level.png', mime: 'image/png' };
  const SPEECH_FILE = { path: 'Uploads/voice.wav', mime: 'audio/wav' };

  let behave: 'answer' | 'hang' = 'answer';
  async function listen(): Promise<void> {
    server = createServer((request, response) => {
      calls++;
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const path = request.url ?? '';
        asked.push({
          path,
          token: request.headers.authorization,
          parameters: JSON.parse(String(request.headers['spark-parameters'])),
          bytes: Buffer.concat(chunks),
        });
        if (behave === 'hang') return;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(ANSWERS[path]));
      });
    });
    await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  }
  function kill(): void {
    server?.closeAllConnections();
    server?.close();
  }

  beforeAll(async () => {
    await listen();
    const env = {
      CV_SERVICE_URL: `http://127.0.0.1:${port}`,
      CV_SERVICE_TOKEN: 'my-eyes',
      ASR_SERVICE_URL: `http://127.0.0.1:${port}`,
      ASR_SERVICE_TOKEN: 'my-ears',
      SPARK_CIRCUIT_FAILURES: '3',
    };
    spark = await Spark.start({ home, env });
    putFile(spark, OCR.path, pngOf(PICTURE));
    putFile(spark, SPEECH_FILE.path, wavOf(1));
  });
  afterAll(async () => {
    kill();
    await spark.stop();
    removeHome(home);
  });

  it('given cv.classify, it is sent the picture and the labels, and its answer is the result, best first', async () => {
    const { body } = await spark.submitAndWait({
      type: 'cv.classify',
      sessionId: 'own-classify',
      payload: { ...OCR, labels: ['menu', 'level'] },
    });
    expect(body).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: {
        path: OCR.path,
        labels: [
          { label: 'level', score: 0.75 },
          { label: 'menu', score: 0.25 },
        ],
      },
    });
    expect(asked.filter(({ path }) => path === '/v1/classify')).toEqual([
      {
        path: '/v1/classify',
        token: 'Bearer my-eyes',
        parameters: { labels: ['menu', 'level'], mode: 'fast' },
        bytes: spark.file(OCR.path),
      },
    ]);
    expect(spark.readEndpoints().pids.services, 'no service of SPARK is needed').toBeNull();
  });

  it('given asr.transcribe, it is sent the recording and the language, and its answer is the result', async () => {
    const { body } = await spark.submitAndWait({
      type: 'asr.transcribe',
      sessionId: 'own-speech',
      payload: { ...SPEECH_FILE, language: 'en' },
    });
    expect(body).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: { path: SPEECH_FILE.path, ...ANSWERS['/v1/transcribe'] },
    });
    expect(asked.filter(({ path }) => path === '/v1/transcribe')).toEqual([
      {
        path: '/v1/transcribe',
        token: 'Bearer my-ears',
        parameters: { language: 'en' },
        bytes: spark.file(SPEECH_FILE.path),
      },
    ]);
  });

  it('given an answer that tells what it used up, spark_usage has it', async () => {
    const sessionId = 'own-usage';
    const { body } = await spark.submitAndWait({ type: 'cv.ocr', sessionId, payload: OCR });
    expect(body).toMatchObject({ state: 'completed', result: { text: 'OK' } });
    await eventually(async () => {
      const rows = await spark.sql(
        'SELECT command_id, model, input_tokens, output_tokens FROM spark_usage WHERE session_id = $1',
        [sessionId],
      );
      expect(rows).toEqual([
        { command_id: body['commandId'], model: 'mine-1', input_tokens: '5', output_tokens: '7' },
      ]);
    });
  });

  it.each([
    ['cv', 'cv.ocr', OCR],
    ['asr', 'asr.transcribe', SPEECH_FILE],
  ])(
    'given the service of %s killed in mid-call, its circuit opens, commands wait with attempts unspent, other work goes on, and all complete when it is back',
    async (endpoint, type, payload) => {
      const sessions = [1, 2, 3, 4].map((n) => `own-${endpoint}-${n}`);
      const send = (session: string | undefined) =>
        spark.publish({ type, session: String(session) }, payload, { 'Spark-Idempotency-Key': 'once' });
      const before = calls;
      behave = 'hang';
      await send(sessions[0]);
      await eventually(() => expect(calls).toBe(before + 1));
      kill();
      for (const session of sessions.slice(1)) await send(session);
      await eventually(async () => expect(await gauge(spark, endpoint)).toBeGreaterThan(0));
      // Answers of /readyz are shared for a moment: the one from before the kill may still be told.
      await eventually(async () => {
        const ready = await spark.http('/readyz');
        expect(ready.status).toBe(200);
        expect(JSON.stringify(ready.body)).toMatch(new RegExp(`degraded: ${endpoint} is (open|half open)`));
      });
      const name = `Meanwhile_${endpoint}`;
      const script = await spark.submitAndWait({
        type: 'unity.generate_script',
        sessionId: `own-${endpoint}-script`,
        payload: { name, path: `Assets/${name}.cs`, code: `class ${name} {}` },
      });
      expect(script.body).toMatchObject({ state: 'completed' });
      behave = 'answer';
      await listen();
      const rows = await eventually(
        async () => {
          const found = await spark.sql(
            'SELECT state, attempts FROM spark_commands WHERE session_id = ANY($1)',
            [sessions],
          );
          expect(found.map(({ state }) => state)).toEqual(sessions.map(() => 'completed'));
          return found;
        },
        { timeoutMs: 30_000 },
      );
      expect(rows.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
      await eventually(async () => expect(await gauge(spark, endpoint)).toBe(0));
      expect(await gauge(spark, 'unity')).toBe(0);
    },
  );
});

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mp3Of, wavOf } from '../support/recordings.js';
import { alive, eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { pngOf, textPicture, tiffOf, tiffPage } from '../support/textPicture.js';

const SPEECH = readFileSync(fileURLToPath(new URL('../fixtures/speech.flac', import.meta.url)));
const PICTURE = textPicture('LEVEL 42 START');

function put(spark: Spark, path: string, bytes: Uint8Array): void {
  const file = join(spark.readEndpoints().unityProjects['default'] ?? '', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

const gauge = async (spark: Spark, endpoint: string): Promise<number> => {
  const text = String((await spark.http('/metrics')).body);
  return Number(new RegExp(`^spark_circuit_state\\{endpoint="${endpoint}"\\} (\\d)`, 'm').exec(text)?.[1]);
};

describe('the reference services', () => {
  const home = newHome();
  let spark: Spark;
  let n = 0;

  beforeAll(async () => {
    spark = await Spark.start({ home });
    put(spark, 'Uploads/level.png', pngOf(PICTURE));
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const ask = (type: string, payload: object, seconds = 60) =>
    spark.submitAndWait({ type, sessionId: `services-${++n}`, payload }, seconds);

  it('given a picture with a text, cv.ocr reads it and the command is told like any other', async () => {
    const { status, body } = await ask('cv.ocr', { path: 'Uploads/level.png', mime: 'image/png' });
    expect({ status, body }).toMatchObject({ status: 200, body: { state: 'completed' } });
    expect(body['result']).toMatchObject({
      path: 'Uploads/level.png',
      text: 'LEVEL 42 START',
      pages: [{ page: 1, text: 'LEVEL 42 START', confidence: expect.any(Number) }],
    });
    const row = await spark.command(String(body['commandId']));
    expect(row).toMatchObject({ type: 'cv.ocr', state: 'completed', attempts: 1 });
    const events = await spark.sql('SELECT type FROM spark_events WHERE command_id = $1 ORDER BY seq', [
      body['commandId'],
    ]);
    expect(events.map(({ type }) => type)).toEqual(['cv_ocr.started', 'cv_ocr.completed']);
    const calls = await spark.sql('SELECT name, status FROM spark_function_calls WHERE command_id = $1', [
      body['commandId'],
    ]);
    expect(calls).toEqual([{ name: 'cv_ocr', status: 'success' }]);
  });

  it('given pages of a TIFF, cv.ocr reads as many as asked for', async () => {
    put(
      spark,
      'Assets/Docs/pages.tif',
      tiffOf([tiffPage(PICTURE), tiffPage(textPicture('SCORE 42')), tiffPage(PICTURE)]),
    );
    const { body } = await ask('cv.ocr', {
      path: 'Assets/Docs/pages.tif',
      mime: 'image/tiff',
      pages: 2,
      mode: 'accurate',
    });
    expect(body['result']).toMatchObject({ pages: [{ page: 1 }, { page: 2, text: 'SCORE 42' }] });
  });

  it('given the text that is there, cv.ocv matches; given another, it does not', async () => {
    const file = { path: 'Uploads/level.png', mime: 'image/png' };
    const right = await ask('cv.ocv', { ...file, expectedText: 'Level 42' });
    expect(right.body['result']).toMatchObject({ match: true, similarity: 1, text: 'LEVEL 42 START' });
    const wrong = await ask('cv.ocv', { ...file, expectedText: 'Level 43' });
    expect(wrong.body['result']).toMatchObject({ match: false });
  });

  it('given cv.classify, it says that no classifier comes with SPARK and what to set', async () => {
    const { body } = await ask('cv.classify', {
      path: 'Uploads/level.png',
      mime: 'image/png',
      labels: ['menu', 'level'],
    });
    expect(body).toMatchObject({
      state: 'failed',
      error: { code: 'service_not_configured', message: expect.stringContaining('CV_SERVICE_URL') },
    });
  });

  it('given speech, asr.transcribe writes it down, as long as the engine can be fetched here', async () => {
    put(spark, 'Uploads/speech.flac', SPEECH);
    const { body } = await ask(
      'asr.transcribe',
      { path: 'Uploads/speech.flac', mime: 'audio/flac', language: 'en' },
      120,
    );
    if (body['state'] === 'failed') {
      // Only where the distribution's archive is out of reach.
      expect(body).toMatchObject({
        error: { code: 'engine_unavailable', message: expect.stringContaining('ASR_SERVICE_URL') },
      });
      return;
    }
    expect(body).toMatchObject({ state: 'completed', result: { language: 'en', durationSeconds: 2.685 } });
    expect(String((body['result'] as { text: string }).text)).toContain('go forward');
    // Nobody speaks in silence.
    put(spark, 'Uploads/silence.wav', wavOf(1));
    const silence = await ask('asr.transcribe', { path: 'Uploads/silence.wav', mime: 'audio/wav' });
    expect(silence.body['result']).toMatchObject({ text: '', segments: [], durationSeconds: 1 });
  });

  it.each([
    [
      '11 pages',
      'Uploads/long.tif',
      'image/tiff',
      tiffOf(Array(11).fill(tiffPage(textPicture('A', 1)))),
      'too_many_pages',
    ],
    ['sound called a picture', 'Uploads/sound.png', 'image/png', mp3Of(2), 'mime_mismatch'],
    ['more than 10 MB', 'Uploads/big.png', 'image/png', Buffer.alloc(10 * 1024 * 1024 + 1), 'file_too_large'],
    ['no file', 'Uploads/none.png', 'image/png', undefined, 'file_not_found'],
  ] as const)(
    'given %s, cv.ocr fails by its guardrail and no service is asked',
    async (_what, path, mime, bytes, code) => {
      if (bytes) put(spark, path, bytes);
      expect((await ask('cv.ocr', { path, mime })).body).toMatchObject({ state: 'failed', error: { code } });
    },
  );

  it('given a path outside, it is refused at the door', async () => {
    const { status, body } = await ask('cv.ocr', { path: '../secrets.png', mime: 'image/png' });
    expect({ status, body }).toMatchObject({ status: 422, body: { code: expect.any(String) } });
  });

  it('given the services killed with -9, they come back and a command in between completes', async () => {
    const { services } = spark.readEndpoints().pids;
    process.kill(Number(services), 'SIGKILL');
    const { body } = await ask('cv.ocr', { path: 'Uploads/level.png', mime: 'image/png' });
    expect(body).toMatchObject({ state: 'completed', result: { text: 'LEVEL 42 START' } });
    await eventually(() => {
      const now = spark.readEndpoints().pids.services;
      expect(now).toBeGreaterThan(0);
      expect(now).not.toBe(services);
    });
  });

  it('given the end of SPARK, the services end with it, in time', async () => {
    const services = Number(spark.readEndpoints().pids.services);
    const beganMs = performance.now();
    expect(await spark.stop()).toMatchObject({ code: 0 });
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    expect(alive(services)).toBe(false);
  });
});

describe('a service of your own', () => {
  const home = newHome();
  let spark: Spark;
  let server: Server | undefined;
  let port = 0;
  let calls = 0;
  const TOKEN = 'my-own-service-token';

  /** Reads every picture as OK, unless a test wants something else of it. */
  let behave: 'answer' | 'hang' = 'answer';
  async function listen(): Promise<void> {
    server = createServer((request, response) => {
      calls++;
      request.resume();
      if (behave === 'hang') return;
      expect(request.headers.authorization).toBe(`Bearer ${TOKEN}`);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          text: 'OK',
          pages: [],
          usage: { model: 'mine-1', inputTokens: 5, outputTokens: 7 },
        }),
      );
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
      CV_SERVICE_TOKEN: TOKEN,
      SPARK_REFERENCE_SERVICES: 'off',
      SPARK_CIRCUIT_FAILURES: '3',
    };
    spark = await Spark.start({ home, env });
    put(spark, 'Uploads/level.png', pngOf(PICTURE));
  });
  afterAll(async () => {
    kill();
    await spark.stop();
    removeHome(home);
  });

  const ocr = (session: string) =>
    spark.publish(
      { type: 'cv.ocr', session },
      { path: 'Uploads/level.png', mime: 'image/png' },
      { 'Spark-Idempotency-Key': session },
    );

  it('given nothing configured for speech, it says which variable to set; the services of SPARK do not run', async () => {
    put(spark, 'Uploads/silence.wav', wavOf(1));
    const { body } = await spark.submitAndWait({
      type: 'asr.transcribe',
      sessionId: 'own-asr',
      payload: { path: 'Uploads/silence.wav', mime: 'audio/wav' },
    });
    expect(body).toMatchObject({ state: 'failed', error: { code: 'service_not_configured' } });
    expect(spark.readEndpoints()).toMatchObject({ asrService: null, pids: { services: null } });
  });

  it('given the service killed in mid-call, its circuit opens, commands wait with attempts unspent, other work goes on, and all complete when it is back', async () => {
    behave = 'hang';
    await ocr('own-1');
    await eventually(() => expect(calls).toBeGreaterThan(0));
    kill();
    const sessions = ['own-1', 'own-2', 'own-3', 'own-4'];
    for (const session of sessions.slice(1)) await ocr(session);
    await eventually(async () => expect(await gauge(spark, 'cv')).toBeGreaterThan(0));
    const ready = await spark.http('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.stringify(ready.body)).toMatch(/degraded: cv is (open|half open)/);
    const script = await spark.submitAndWait({
      type: 'unity.generate_script',
      sessionId: 'own-1-script',
      payload: { name: 'Meanwhile', path: 'Assets/Meanwhile.cs', code: 'class Meanwhile {}' },
    });
    expect(script.body).toMatchObject({ state: 'completed' });
    behave = 'answer';
    await listen();
    const rows = await eventually(
      async () => {
        const found = await spark.sql(
          "SELECT session_id, state, attempts FROM spark_commands WHERE type = 'cv.ocr' ORDER BY session_id",
        );
        expect(found.map(({ state }) => state)).toEqual(sessions.map(() => 'completed'));
        return found;
      },
      { timeoutMs: 30_000 },
    );
    expect(rows.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
    await eventually(async () => expect(await gauge(spark, 'cv')).toBe(0));
    expect(await gauge(spark, 'unity')).toBe(0);
  });

  it('given an answer that tells what it used up, spark_usage has it', async () => {
    await eventually(async () => {
      const rows = await spark.sql(
        "SELECT model, input_tokens, output_tokens FROM spark_usage WHERE session_id = 'own-2'",
      );
      expect(
        rows.map((row) => [row['model'], Number(row['input_tokens']), Number(row['output_tokens'])]),
      ).toEqual([['mine-1', 5, 7]]);
    });
  });
});

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mp3Of, wavOf } from '../support/recordings.js';
import { alive, eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { pngOf, textPicture, tiffOf, tiffPage } from '../support/textPicture.js';
import { putFile } from './support/putFile.js';

const SPEECH = readFileSync(fileURLToPath(new URL('../fixtures/speech.flac', import.meta.url)));
const PICTURE = textPicture('LEVEL 42 START');

describe('the reference services', () => {
  const home = newHome();
  let spark: Spark;
  let n = 0;

  beforeAll(async () => {
    spark = await Spark.start({ home });
    putFile(spark, 'Uploads/level.png', pngOf(PICTURE));
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
    putFile(
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
    putFile(spark, 'Uploads/speech.flac', SPEECH);
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
    putFile(spark, 'Uploads/silence.wav', wavOf(1));
    const silence = await ask('asr.transcribe', { path: 'Uploads/silence.wav', mime: 'audio/wav' });
    expect(silence.body['result']).toMatchObject({ text: '', segments: [], durationSeconds: 1 });
  });

  const MB = 1024 * 1024;
  it.each([
    [
      'cv.ocr',
      '11 pages',
      'Uploads/long.tif',
      'image/tiff',
      tiffOf(Array(11).fill(tiffPage(textPicture('A', 1)))),
      'too_many_pages',
    ],
    ['cv.ocr', 'sound called a picture', 'Uploads/sound.png', 'image/png', mp3Of(2), 'mime_mismatch'],
    [
      'cv.ocr',
      '10 MB and a byte',
      'Uploads/big.png',
      'image/png',
      Buffer.alloc(10 * MB + 1),
      'file_too_large',
    ],
    ['cv.ocr', 'no file', 'Uploads/none.png', 'image/png', undefined, 'file_not_found'],
    [
      'asr.transcribe',
      '901 seconds',
      'Uploads/long.wav',
      'audio/wav',
      wavOf(901, 1_000),
      'recording_too_long',
    ],
    ['asr.transcribe', 'an MP3 called .wav', 'Uploads/mp3.wav', 'audio/wav', mp3Of(2), 'mime_mismatch'],
    [
      'asr.transcribe',
      '50 MB and a byte',
      'Uploads/big.wav',
      'audio/wav',
      Buffer.alloc(50 * MB + 1),
      'file_too_large',
    ],
    ['asr.transcribe', 'no file', 'Uploads/none.wav', 'audio/wav', undefined, 'file_not_found'],
  ] as const)(
    'given %s of %s, it fails by its guardrail and no service is asked',
    async (type, _what, path, mime, bytes, code) => {
      if (bytes) putFile(spark, path, bytes);
      const { body } = await ask(type, { path, mime });
      expect(body).toMatchObject({ state: 'failed', error: { code } });
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

  it('given the end of SPARK, the services end with it', async () => {
    const services = Number(spark.readEndpoints().pids.services);
    expect(await spark.stop()).toMatchObject({ code: 0 });
    expect(alive(services)).toBe(false);
  });
});

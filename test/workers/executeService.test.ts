import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { MAX_FILES_IN_MEMORY, MAX_FILES_WAITING, MediaRoom } from '../../src/services/mediaRoom.js';
import { SERVICE_RESULT_BYTES } from '../../src/workers/execute/capServiceResult.js';
import type { MediaFile, MediaServices, ServiceAnswer } from '../../src/workers/servicesPort.js';
import { aCommand } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { mp3Of, wavOf } from '../support/recordings.js';
import { png } from '../support/sampleFiles.js';
import { textPicture, tiffOf, tiffPage } from '../support/textPicture.js';

const DONE: ServiceAnswer = { kind: 'done', result: { text: 'GAME OVER', pages: [] } };
const AWAY: ServiceAnswer = { kind: 'away', reason: 'the circuit of cv is open', retryAfterMs: 800 };

class Services implements MediaServices {
  readonly calls: { type: string; payload: unknown; file: MediaFile }[] = [];
  circuitOpen = false;
  /** What calls wait for before they answer. */
  answered: Promise<unknown> = Promise.resolve();
  readonly #answers: ServiceAnswer[];
  readonly #room = new MediaRoom();

  constructor(answers: ServiceAnswer[]) {
    this.#answers = answers;
  }

  away() {
    return this.circuitOpen && AWAY.kind === 'away' ? AWAY : undefined;
  }

  withRoom<T>(_type: string, work: () => Promise<T>, signal: AbortSignal) {
    return this.#room.run(work, signal);
  }

  async call(type: string, payload: unknown, file: MediaFile): Promise<ServiceAnswer> {
    this.calls.push({ type, payload, file });
    await this.answered;
    return this.#answers.shift() ?? DONE;
  }
}

function setUp(answers: ServiceAnswer[] = [], files: Record<string, Uint8Array> = {}) {
  const rig = new ExecuteRig();
  const services = new Services(answers);
  Object.assign(rig.context, { services });
  for (const [path, bytes] of Object.entries({ 'Assets/a.png': png(), ...files }))
    rig.gate.files.set(`default\0${path}`, { bytes, meta: null });
  const command = (payload: object = {}, type = 'cv.ocr') =>
    aCommand({ type, payload: { path: 'Assets/a.png', mime: 'image/png', ...payload } });
  return { rig, services, command };
}

describe('cv.* and asr.transcribe', () => {
  it('given a file and a service, it completes with the answer and what it used up', async () => {
    const usage = [{ model: 'ocr-1', inputTokens: 1, outputTokens: 2 }];
    const { rig, services, command } = setUp([{ ...DONE, usage }]);
    const task = rig.task(command());
    expect(await rig.go(task)).toEqual({
      kind: 'completed',
      result: { path: 'Assets/a.png', text: 'GAME OVER', pages: [] },
      usage,
    });
    expect(services.calls).toEqual([
      {
        type: 'cv.ocr',
        payload: { path: 'Assets/a.png', mime: 'image/png', mode: 'fast', pages: 1 },
        file: { path: 'Assets/a.png', mime: 'image/png', bytes: png() },
      },
    ]);
    expect([task.attempts, rig.started.length]).toEqual([1, 1]);
  });

  it('given a service that is away, its session is held and no attempt is spent', async () => {
    const { rig, command } = setUp([AWAY, AWAY, DONE]);
    const task = rig.task(command());
    for (let go = 0; go < 2; go++)
      expect(await rig.go(task)).toEqual({
        kind: 'hold',
        reason: AWAY.kind === 'away' ? AWAY.reason : '',
        retryAfterMs: 800,
      });
    expect(task.attempts).toBe(0);
    expect(await rig.go(task)).toMatchObject({ kind: 'completed' });
    expect(task.attempts).toBe(1);
    expect(rig.started, 'told once').toHaveLength(1);
  });

  it('given an open circuit, not even the file is read', async () => {
    const { rig, services, command } = setUp();
    services.circuitOpen = true;
    const task = rig.task(command({ path: 'Assets/nowhere.png' }));
    expect(await rig.go(task)).toMatchObject({ kind: 'hold', retryAfterMs: 800 });
    services.circuitOpen = false;
    expect(await rig.go(task)).toMatchObject({ kind: 'failed', error: { code: 'file_not_found' } });
    expect([task.attempts, services.calls.length]).toEqual([0, 0]);
  });

  it('given more commands at once than files may lie in memory, the others are held before a file is read', async () => {
    const { rig, services, command } = setUp();
    let answer: (value?: unknown) => void = () => undefined;
    services.answered = new Promise((resolve) => {
      answer = resolve;
    });
    const read = rig.gate.readFile.bind(rig.gate);
    let reads = 0;
    rig.gate.readFile = (...args) => {
      reads++;
      return read(...args);
    };
    const places = MAX_FILES_IN_MEMORY + MAX_FILES_WAITING;
    const tasks = Array.from({ length: places + 3 }, () => rig.task(command()));
    const verdicts = tasks.map((task) => rig.go(task));
    for (const verdict of await Promise.all(verdicts.slice(places)))
      expect(verdict).toMatchObject({ kind: 'hold', retryAfterMs: 500 });
    await expect.poll(() => services.calls.length).toBe(MAX_FILES_IN_MEMORY);
    expect(reads).toBe(MAX_FILES_IN_MEMORY);
    expect(tasks.slice(places).map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    answer();
    for (const verdict of await Promise.all(verdicts.slice(0, places)))
      expect(verdict).toMatchObject({ kind: 'completed' });
    const held = tasks.at(-1);
    expect(held && (await rig.go(held)), 'there is room again').toMatchObject({ kind: 'completed' });
  });

  it('given failures, it is tried again until its attempts are spent', async () => {
    const broken: ServiceAnswer = { kind: 'failed', reason: 'HTTP 500', retryAfterMs: 1 };
    const { rig, command } = setUp([broken, broken, broken, broken]);
    const task = rig.task(command());
    expect(await rig.toEnd(task)).toMatchObject({
      outcome: 'failed',
      exhausted: true,
      error: { code: 'attempts_exhausted' },
    });
    expect(task.attempts).toBe(3);
  });

  it('given a refusal of the service, it fails with the code and text of the service', async () => {
    const { rig, command } = setUp([
      { kind: 'refused', code: 'service_not_configured', message: 'set CV_SERVICE_URL' },
    ]);
    expect(await rig.go(rig.task(command({ labels: ['cat'] }, 'cv.classify')))).toMatchObject({
      kind: 'failed',
      error: { code: 'service_not_configured', message: 'set CV_SERVICE_URL' },
    });
  });

  it('given an editor that is away, it waits for the file', async () => {
    const { rig, services, command } = setUp();
    rig.gate.away.add('default');
    expect(await rig.go(rig.task(command()))).toMatchObject({ kind: 'hold', reason: 'reloading' });
    expect(services.calls).toEqual([]);
  });

  const page = tiffPage(textPicture('A', 1));
  const tiff = { path: 'Uploads/a.tif', mime: 'image/tiff' };
  const sound = { path: 'Uploads/a.wav', mime: 'audio/wav' };
  it.each([
    ['no such file', 'cv.ocr', { path: 'Assets/b.png' }, undefined, { code: 'file_not_found' }],
    [
      'another kind than claimed',
      'cv.ocr',
      { path: 'Assets/b.png' },
      wavOf(1),
      { code: 'mime_mismatch', found: 'audio/wav', field: 'mime' },
    ],
    [
      'more than 10 MB',
      'cv.ocr',
      { path: 'Assets/b.png' },
      Buffer.alloc(LIMITS.cvBytes + 1),
      { code: 'file_too_large' },
    ],
    [
      '11 pages',
      'cv.ocr',
      tiff,
      tiffOf(Array(11).fill(page)),
      { code: 'too_many_pages', limit: 10, found: 11 },
    ],
    [
      'too many pixels',
      'cv.ocr',
      { path: 'Assets/b.png' },
      png(65_535, 65_535),
      { code: 'too_many_pixels', limit: LIMITS.imagePixels },
    ],
    [
      'a picture cut off',
      'cv.ocr',
      { path: 'Assets/b.png' },
      png().subarray(0, 20),
      { code: 'unreadable_media' },
    ],
    [
      '15 minutes and a second',
      'asr.transcribe',
      sound,
      wavOf(901, 8_000),
      { code: 'recording_too_long', limit: 900, found: 901 },
    ],
    ['an MP3 called WAV', 'asr.transcribe', sound, mp3Of(3), { code: 'mime_mismatch', found: 'audio/mpeg' }],
  ] as const)(
    'given %s, it fails for good and nobody is asked',
    async (_what, type, payload, bytes, error) => {
      const { rig, services, command } = setUp([], bytes ? { [payload.path]: bytes } : {});
      const verdict = await rig.go(rig.task(command(payload, type)));
      expect(verdict).toMatchObject({ kind: 'failed', outcome: 'failed', error });
      expect(verdict.kind === 'failed' && verdict.error.message).toContain(payload.path);
      expect(services.calls).toEqual([]);
    },
  );

  it('given 10 pages and 15 minutes, they are within the limits', async () => {
    const files = { [tiff.path]: tiffOf(Array(10).fill(page)), [sound.path]: wavOf(900, 8_000) };
    const { rig, command } = setUp([], files);
    expect(await rig.go(rig.task(command({ ...tiff, pages: 10 })))).toMatchObject({ kind: 'completed' });
    expect(await rig.go(rig.task(command(sound, 'asr.transcribe')))).toMatchObject({ kind: 'completed' });
  });

  it('given an answer too large for the log, details go first, then the end of the text, and it says so', async () => {
    const words = Array.from({ length: 9_000 }, () => ({ text: 'word', confidence: 1, box: [0, 0, 1, 1] }));
    const pages = [{ page: 1, text: 'short', confidence: 1, words }];
    const huge = 'ß'.repeat(200_000);
    const { rig, command } = setUp([
      { kind: 'done', result: { text: 'short', pages } },
      { kind: 'done', result: { text: huge, pages: [] } },
    ]);
    expect(await rig.go(rig.task(command()))).toMatchObject({
      result: { text: 'short', pages: [{ page: 1, text: 'short', confidence: 1 }], cut: ['words'] },
    });
    const verdict = await rig.go(rig.task(command()));
    expect(verdict).toMatchObject({ result: { cut: ['pages', 'text'] } });
    const size = verdict.kind === 'completed' ? Buffer.byteLength(JSON.stringify(verdict.result)) : 0;
    expect(size).toBeGreaterThan(SERVICE_RESULT_BYTES / 2);
    expect(size).toBeLessThanOrEqual(SERVICE_RESULT_BYTES);
  });
});

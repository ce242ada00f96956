import { describe, expect, it } from 'vitest';
import { MAX_FILES_IN_MEMORY, MAX_FILES_WAITING } from '../../src/services/mediaRoom.js';
import { createMediaServices } from '../../src/services/mediaServices.js';

describe('the room for files in memory', () => {
  it('given recordings in all its places, a further one is turned away at once and a picture is not', async () => {
    const services = createMediaServices({ cv: undefined, asr: undefined });
    const { signal } = new AbortController();
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    let inside = 0;
    const stay = () => {
      inside++;
      return left;
    };
    const recordings = Array.from({ length: MAX_FILES_IN_MEMORY + MAX_FILES_WAITING }, () =>
      services.withRoom('asr.transcribe', stay, signal),
    );
    expect(await services.withRoom('asr.transcribe', stay, signal)).toBe('full');
    expect(inside).toBe(MAX_FILES_IN_MEMORY);
    expect(await services.withRoom('cv.ocr', async () => 'looked at', signal)).toBe('looked at');
    leave();
    await Promise.all(recordings);
    expect(inside).toBe(MAX_FILES_IN_MEMORY + MAX_FILES_WAITING);
  });

  it('given a failure inside, it passes it on and gives the place back', async () => {
    const services = createMediaServices({ cv: undefined, asr: undefined });
    const { signal } = new AbortController();
    const fails = () => services.withRoom('cv.ocr', () => Promise.reject(new Error('no')), signal);
    for (let go = 0; go < MAX_FILES_IN_MEMORY * 3; go++) await expect(fails()).rejects.toThrow('no');
  });
});

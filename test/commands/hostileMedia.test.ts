import { afterEach, describe, expect, it } from 'vitest';
import { imageSize, tiffPages } from '../../src/commands/imageSize.js';
import { LIMITS } from '../../src/commands/limits.js';
import { mediaSeconds } from '../../src/commands/mediaDuration.js';
import { mediaProblem } from '../../src/workers/execute/checkMedia.js';
import { mp3Of, oggPage, vorbisHead, wavOf } from '../support/recordings.js';

const restores: (() => void)[] = [];
afterEach(() => {
  for (const restore of restores.splice(0)) restore();
});

/** How often a method of the readers' is called from here on. */
function counted<K extends string>(prototype: Record<K, unknown>, name: K): () => number {
  const original = prototype[name] as (...args: unknown[]) => unknown;
  let calls = 0;
  Object.assign(prototype, {
    [name](this: unknown, ...args: unknown[]) {
      calls++;
      return original.apply(this, args);
    },
  });
  restores.push(() => Object.assign(prototype, { [name]: original }));
  return () => calls;
}
const bufferMethods = Buffer.prototype as unknown as Record<string, unknown>;
const viewMethods = DataView.prototype as unknown as Record<string, unknown>;

/** Directories one after the other, each with so many entries that say nothing and, last, a size of 1 × 1 (or none). */
function chain(directories: number, entries: number, sized = true): Buffer {
  const size = 2 + entries * 12 + 4;
  const out = Buffer.alloc(8 + directories * size);
  out.write('II*\0', 0, 'latin1');
  out.writeUInt32LE(8, 4);
  for (let page = 0; page < directories; page++) {
    const at = 8 + page * size;
    out.writeUInt16LE(entries, at);
    if (sized)
      for (const [back, tag] of [
        [2, 256],
        [1, 257],
      ] as const) {
        const entry = at + 2 + (entries - back) * 12;
        out.writeUInt16LE(tag, entry);
        out.writeUInt16LE(4, entry + 2);
        out.writeUInt32LE(1, entry + 4);
        out.writeUInt32LE(1, entry + 8);
      }
    out.writeUInt32LE(page + 1 < directories ? at + size : 0, at + size - 4);
  }
  return out;
}

describe('a file that is made to keep its reader busy', () => {
  it('given a TIFF of 800 directories with 1,000 entries, the pages that count are read, each entry once', () => {
    const bytes = chain(800, 1_000);
    const reads = counted(viewMethods, 'getUint16');
    expect(mediaProblem('a.tif', 'image/tiff', bytes)).toMatchObject({ code: 'too_many_pages', limit: 10 });
    expect(reads()).toBeLessThan(1.1 * 1_000 * (LIMITS.cvPages + 1));
  });

  it('given a TIFF whose directories say no size, they count as pages all the same', () => {
    expect(mediaProblem('a.tif', 'image/tiff', chain(500, 3, false))).toMatchObject({
      code: 'too_many_pages',
    });
    expect(mediaProblem('a.tif', 'image/tiff', chain(2, 3, false))).toMatchObject({
      code: 'unreadable_media',
    });
  });

  it('given a TIFF directory of more than 1,000 entries, it is refused before they are read', () => {
    const bytes = chain(1, 60_000);
    const reads = counted(viewMethods, 'getUint16');
    expect(tiffPages(bytes)).toEqual([]);
    expect(mediaProblem('a.tif', 'image/tiff', bytes)).toMatchObject({ code: 'unreadable_media' });
    expect(imageSize(bytes, 'image/tiff')).toBeUndefined();
    expect(reads()).toBeLessThan(10);
  });

  it('given a JPEG with millions of markers before its frame, it is given up', () => {
    const bytes = Buffer.alloc(LIMITS.cvBytes, 0xff);
    bytes[1] = 0xd8;
    for (let at = 2; at < bytes.length; at += 2) bytes[at + 1] = 0x01;
    const frame = Buffer.from([0xff, 0xc0, 0, 17, 8, 0, 2, 0, 3, 3, 0, 0]);
    frame.copy(bytes, bytes.length - frame.length);
    expect(imageSize(bytes, 'image/jpeg')).toBeUndefined();
    const few = Buffer.concat([bytes.subarray(0, 1_000), frame]);
    expect(imageSize(few, 'image/jpeg')).toEqual({ widthPx: 3, heightPx: 2 });
  });

  const frame = mp3Of(1).subarray(210);
  it.each([
    ['50 MB that look like the start of a frame', Buffer.alloc(LIMITS.asrBytes, 0xff)],
    [
      'frames with almost 64 KB of such bytes between them',
      Buffer.concat(Array.from({ length: 700 }, () => [frame, Buffer.alloc(65_000, 0xff)]).flat()),
    ],
  ])('given an MP3 of %s, it is given up after so many steps', (_what, rubbish) => {
    const bytes = Buffer.concat([mp3Of(3), rubbish]);
    const reads = counted(bufferMethods, 'readUInt32BE');
    expect(mediaSeconds(bytes, 'audio/mpeg')).toBeUndefined();
    expect(reads()).toBeLessThan(140_000);
  });

  it('given an MP3 with 64 KB of anything between two frames, its length is not told from the first ones', () => {
    const bytes = Buffer.concat([mp3Of(3), Buffer.alloc(70_000, 1), frame]);
    expect(mediaSeconds(bytes, 'audio/mpeg')).toBeUndefined();
  });

  it('given an MP3 with a large picture in a tag at its end, or hidden behind one, all frames count', () => {
    const tag = Buffer.alloc(32 + 200_000, 0xff);
    tag.write('APETAGEX', 0, 'latin1');
    tag.writeUInt32LE(200_000, 12);
    const seconds = 1_152 / 44_100;
    expect(mediaSeconds(Buffer.concat([mp3Of(9), tag]), 'audio/mpeg')).toBeCloseTo(9 * seconds, 6);
    expect(mediaSeconds(Buffer.concat([mp3Of(9), tag, frame]), 'audio/mpeg')).toBeCloseTo(10 * seconds, 6);
  });

  it('given a WAV of 50 MB in empty chunks, it is given up after 1,000 of them', () => {
    const bytes = Buffer.concat([wavOf(1).subarray(0, 36), Buffer.alloc(LIMITS.asrBytes)]);
    const reads = counted(bufferMethods, 'readUInt32LE');
    expect(mediaProblem('a.wav', 'audio/wav', bytes)).toMatchObject({ code: 'unreadable_media' });
    expect(reads()).toBeLessThan(1_100);
  });

  it.each([
    ['empty pages', Buffer.concat(Array(150_000).fill(oggPage(1, 1, Buffer.alloc(0))))],
    ['streams', Buffer.concat(Array.from({ length: 5_000 }, (_, n) => oggPage(n, 1, vorbisHead(8))))],
  ])('given an Ogg of nothing but %s, it is given up', (_what, bytes) => {
    expect(mediaSeconds(bytes, 'audio/ogg')).toBeUndefined();
  });
});

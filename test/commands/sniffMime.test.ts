import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageSize, isImage, tiffPages } from '../../src/commands/imageSize.js';
import { ASR_MIME_EXTENSIONS, ASSET_MIME_EXTENSIONS } from '../../src/commands/mimeTypes.js';
import { bytesAreOf, sniffMime } from '../../src/commands/sniffMime.js';
import { bmp, fbx, gif, jpeg, OBJ, png, psd, tga, tiff, wav } from '../support/sampleFiles.js';

const latin = (text: string) => Buffer.from(text, 'latin1');
const pad = (head: Buffer) => Buffer.concat([head, Buffer.alloc(64, 1)]);

/** One true file of every kind that may come in. */
const SAMPLES: Readonly<Record<string, Buffer>> = {
  'image/png': png(3, 2),
  'image/jpeg': jpeg(3, 2),
  'image/gif': gif(3, 2),
  'image/bmp': bmp(3, -2),
  'image/x-tga': tga(3, 2),
  'image/vnd.adobe.photoshop': psd(3, 2),
  'image/tiff': tiff([[3, 2]]),
  'audio/wav': wav(),
  'audio/mpeg': pad(Buffer.from([0xff, 0xfb, 0x90, 0x00])),
  'audio/ogg': pad(latin('OggS\0\x02')),
  'audio/flac': pad(latin('fLaC\0\0\0\x22')),
  'font/ttf': pad(latin('\0\x01\0\0\0\x0c')),
  'font/otf': pad(latin('OTTO\0\x0c')),
  'model/fbx': fbx(),
  'model/obj': OBJ,
  'model/gltf-binary': pad(latin('glTF\x02\0\0\0')),
  'application/json': Buffer.from('{"a":[1]}'),
  'text/plain': Buffer.from('Grüße 🎮'),
  'text/csv': Buffer.from('a,b\n1,2\n'),
};
const TEXTS = ['model/obj', 'application/json', 'text/plain', 'text/csv'];

describe('what a file is by its own bytes', () => {
  it('has a sample of every type that may come in', () => {
    const types = [...Object.keys(ASSET_MIME_EXTENSIONS), ...Object.keys(ASR_MIME_EXTENSIONS)];
    expect(Object.keys(SAMPLES).sort()).toEqual([...new Set(types)].sort());
  });

  it.each(Object.entries(SAMPLES))('%s is known, and is nothing else that has a mark', (mime, bytes) => {
    expect(sniffMime(bytes)).toBe(TEXTS.includes(mime) ? 'text/plain' : mime);
    expect(bytesAreOf(bytes, mime)).toBe(true);
    const others = Object.keys(SAMPLES).filter((other) => other !== mime && !TEXTS.includes(other));
    expect(others.filter((other) => bytesAreOf(bytes, other))).toEqual([]);
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a zip', pad(latin('PK\x03\x04\0\0'))],
    ['a Windows program', pad(latin('MZ\x90\0\x03\0\0\0'))],
    ['text in UTF-16', Buffer.from('\ufeffhello', 'utf16le')],
    ['Latin-1', latin('caf\xe9')],
  ])('%s is of no kind that may come in', (_what, bytes) => {
    expect(sniffMime(bytes)).toBeUndefined();
    expect(Object.keys(SAMPLES).filter((mime) => bytesAreOf(bytes, mime))).toEqual([]);
  });

  it.each([
    ['JSON that does not parse', 'application/json', '{"a":'],
    ['a model without a vertex', 'model/obj', 'o Tri\nf 1 2 3\n'],
    ['a text with NUL', 'text/plain', 'a\0b'],
  ])('%s is refused', (_what, mime, text) => {
    expect(bytesAreOf(Buffer.from(text), mime)).toBe(false);
  });

  it.each([
    ['MPEG layer II', [0xff, 0xfd, 0x90, 0x00]],
    ['an impossible bit rate', [0xff, 0xfb, 0xf0, 0x00]],
    ['a reserved sampling rate', [0xff, 0xfb, 0x9c, 0x00]],
  ])('an MP3 header with %s is none', (_what, head) => {
    expect(sniffMime(pad(Buffer.from(head)))).not.toBe('audio/mpeg');
  });

  it('knows ASCII FBX, tagged MP3 and a TGA by its footer', () => {
    expect(sniffMime(Buffer.from('; FBX 7.4.0 project file\n'))).toBe('model/fbx');
    expect(sniffMime(pad(latin('ID3\x04\0\0\0\0\0\x0a')))).toBe('audio/mpeg');
    const short = tga(9, 9).subarray(0, 40);
    expect(sniffMime(short)).not.toBe('image/x-tga');
    expect(sniffMime(Buffer.concat([short, latin('TRUEVISION-XFILE.\0')]))).toBe('image/x-tga');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const mime = sniffMime(bytes);
        if (mime !== undefined && isImage(mime)) imageSize(bytes, mime);
        for (const type of Object.keys(SAMPLES)) imageSize(bytes, type);
        expect(mime === undefined || mime in SAMPLES).toBe(true);
      }),
    );
  });
});

describe('the size of a picture', () => {
  const images = Object.keys(SAMPLES).filter(isImage);

  it.each(images)('%s tells it in its header', (mime) => {
    expect(imageSize(SAMPLES[mime] ?? Buffer.alloc(0), mime)).toEqual({ widthPx: 3, heightPx: 2 });
  });

  it.each(images)('%s that is cut off tells none', (mime) => {
    expect(imageSize((SAMPLES[mime] ?? Buffer.alloc(0)).subarray(0, 8), mime)).toBeUndefined();
  });

  it('what is no picture has none', () => {
    expect(imageSize(OBJ, 'model/obj')).toBeUndefined();
    expect(isImage('audio/wav')).toBe(false);
  });

  it('of a TIFF is that of its largest page, in both byte orders', () => {
    const pages: [number, number][] = [
      [10, 10],
      [400, 300],
      [20, 20],
    ];
    for (const little of [true, false]) {
      const bytes = tiff(pages, little);
      expect(tiffPages(bytes).map(({ widthPx, heightPx }) => [widthPx, heightPx])).toEqual(pages);
      expect(imageSize(bytes, 'image/tiff')).toEqual({ widthPx: 400, heightPx: 300 });
    }
  });

  it('of a TIFF whose pages run in a circle is still told', () => {
    const bytes = tiff([
      [10, 10],
      [20, 20],
    ]);
    bytes.writeUInt32LE(8, bytes.length - 4);
    expect(tiffPages(bytes)).toHaveLength(2);
  });
});

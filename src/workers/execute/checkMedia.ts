import { imageSize, largestPage, tiffPages } from '../../commands/imageSize.js';
import { LIMITS } from '../../commands/limits.js';
import { mediaSeconds } from '../../commands/mediaDuration.js';
import { bytesAreOf, sniffMime } from '../../commands/sniffMime.js';
import type { EventError } from '../../events/event.js';

/**
 * What a service may be sent, judged by the file itself and not by what the caller claims: kind, pages, pixels, duration. Each refusal
 * names the field, the limit and what was found. Undefined: nothing against it. Pure.
 */
export function mediaProblem(path: string, mime: string, bytes: Uint8Array): EventError | undefined {
  if (!bytesAreOf(bytes, mime)) {
    const found = sniffMime(bytes) ?? 'of no kind SPARK knows';
    return {
      code: 'mime_mismatch',
      message: `mime: ${path} is not ${mime} by its own bytes, but ${found}: send the MIME type it really has`,
      field: 'mime',
      claimed: mime,
      found,
    };
  }
  return mime.startsWith('image/') ? pictureProblem(path, mime, bytes) : recordingProblem(path, mime, bytes);
}

function pictureProblem(path: string, mime: string, bytes: Uint8Array): EventError | undefined {
  const sizes = mime === 'image/tiff' ? tiffPages(bytes) : undefined;
  const pages = sizes?.length ?? 1;
  if (pages > LIMITS.cvPages)
    return {
      code: 'too_many_pages',
      message: `path: ${path} has more than ${LIMITS.cvPages} pages, which is as many as are looked at: split it`,
      field: 'path',
      limit: LIMITS.cvPages,
      found: pages,
    };
  const size = sizes ? largestPage(sizes) : imageSize(bytes, mime);
  if (!size)
    return {
      code: 'unreadable_media',
      message: `path: ${path} says no size in its header: it is cut off or damaged`,
      field: 'path',
    };
  const pixels = size.widthPx * size.heightPx;
  if (pixels > LIMITS.imagePixels)
    return {
      code: 'too_many_pixels',
      message: `path: ${path} has ${size.widthPx} × ${size.heightPx} pixels, at most ${LIMITS.imagePixels} are looked at: scale it down`,
      field: 'path',
      limit: LIMITS.imagePixels,
      found: pixels,
    };
  return undefined;
}

function recordingProblem(path: string, mime: string, bytes: Uint8Array): EventError | undefined {
  const seconds = mediaSeconds(bytes, mime);
  if (seconds === undefined)
    return {
      code: 'unreadable_media',
      message: `path: how long ${path} is cannot be told from its bytes: it is cut off or damaged`,
      field: 'path',
    };
  if (seconds > LIMITS.asrSeconds)
    return {
      code: 'recording_too_long',
      message: `path: ${path} lasts ${Math.ceil(seconds)} s, at most ${LIMITS.asrSeconds} s are written down: split it`,
      field: 'path',
      limit: LIMITS.asrSeconds,
      found: Math.ceil(seconds),
    };
  return undefined;
}

import { type ImageSize, imageSize } from '../commands/imageSize.js';
import { sniffMime } from '../commands/sniffMime.js';

/** A picture's type and size, read from its own bytes: what Unity says about them is not believed. */
export interface ImageHeader extends ImageSize {
  readonly mime: 'image/png' | 'image/jpeg';
}

/** Reads a PNG's or JPEG's header; null for anything else or a header that is cut off. */
export function readImageHeader(bytes: Buffer): ImageHeader | null {
  const mime = sniffMime(bytes);
  if (mime !== 'image/png' && mime !== 'image/jpeg') return null;
  const size = imageSize(bytes, mime);
  return size ? { mime, ...size } : null;
}

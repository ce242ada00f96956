import { imageSize, isImage } from '../../commands/imageSize.js';
import type { IngestAsset } from '../../commands/ingestAsset.js';
import { LIMITS } from '../../commands/limits.js';
import { isModel } from '../../commands/mimeTypes.js';
import { bytesAreOf, sniffMime } from '../../commands/sniffMime.js';
import type { EventError } from '../../events/event.js';
import type { Current, Decision } from './decide.js';

/**
 * Where an asset comes to lie. A model gets the command's id into its name: Unity's importer would name a second copy `_1`, so the name
 * must be one that no other command can take. Unity writes a model's extension in lower case.
 */
export function assetTarget({ path, mime }: IngestAsset, commandId: string): string {
  if (!isModel(mime)) return path;
  const dot = path.lastIndexOf('.');
  const mark = commandId.replaceAll('-', '').slice(0, 12);
  return `${path.slice(0, dot)}_${mark}${path.slice(dot).toLowerCase()}`;
}

/** Why these bytes may not become that asset, judged by the bytes themselves; undefined when they may. Pure. */
export function assetProblem(mime: string, bytes: Uint8Array): EventError | undefined {
  if (bytes.byteLength === 0)
    return { code: 'asset_empty', message: 'source: the file is empty', field: 'source' };
  if (bytes.byteLength > LIMITS.assetBytes)
    return tooLarge(`source: the file has ${bytes.byteLength} bytes`, bytes.byteLength);
  if (!bytesAreOf(bytes, mime)) {
    const found = sniffMime(bytes) ?? 'of no kind SPARK knows';
    return {
      code: 'mime_mismatch',
      message: `mime: the file is not ${mime} by its own bytes, but ${found}: send the MIME type it really has`,
      field: 'mime',
      claimed: mime,
      found,
    };
  }
  return isImage(mime) ? imageProblem(mime, bytes) : undefined;
}

/** `detail`: what was found; the limit is added. */
export function tooLarge(detail: string, bytes?: number): EventError {
  return {
    code: 'asset_too_large',
    message: `${detail}; at most ${LIMITS.assetBytes} are taken in: make it smaller, or put it into the project by other means`,
    field: 'source',
    limit: LIMITS.assetBytes,
    unit: 'bytes',
    ...(bytes === undefined ? {} : { found: bytes }),
  };
}

function imageProblem(mime: string, bytes: Uint8Array): EventError | undefined {
  const size = imageSize(bytes, mime);
  if (!size)
    return {
      code: 'image_unreadable',
      message: 'source: the picture says no size in its header: it is cut off or damaged',
      field: 'source',
    };
  const { widthPx, heightPx } = size;
  if (widthPx * heightPx <= LIMITS.imagePixels) return undefined;
  return {
    code: 'image_too_large',
    message: `source: the picture has ${widthPx} × ${heightPx} pixels, at most ${LIMITS.imagePixels} are taken in: scale it down`,
    field: 'source',
    limit: LIMITS.imagePixels,
    unit: 'px',
    found: widthPx * heightPx,
  };
}

/** Create-if-absent: what is there already is either the same or somebody else's. Pure. */
export function decideAsset(
  path: string,
  bytes: Uint8Array,
  sourceSha256: string,
  current: Current,
): Decision {
  if (!current) return { kind: 'change', change: { path, before: null, after: { bytes, meta: null } } };
  if (current.sha256 === sourceSha256) return { kind: 'unchanged' };
  const error = {
    code: 'asset_exists',
    message: `${path} exists already with another content; nothing was overwritten: choose another path, or remove it first`,
    path,
    currentSha256: current.sha256,
    sourceSha256,
  };
  return { kind: 'failed', outcome: 'conflict', error };
}

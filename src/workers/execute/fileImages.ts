import { sha256 } from '../../core/ids.js';
import type { FileImage } from '../../events/event.js';
import type { FileContent } from '../editor.js';
import type { ImageStore } from '../ports.js';
import type { Move } from '../undo/decideUndo.js';
import { metaAfter } from '../undo/metaAfter.js';

/** Between bytes and the images that stand for them in events: stored by sha-256, looked up by it. */

/** Stores the bytes and `.meta` of all that are there. */
export async function storeImages(
  images: ImageStore,
  ...contents: readonly (FileContent | null)[]
): Promise<void> {
  const all = contents.flatMap((content) =>
    content ? [content.bytes, ...(content.meta ? [content.meta] : [])] : [],
  );
  if (all.length > 0) await images.put(all.map((bytes) => ({ sha256: sha256(bytes), bytes })));
}

export function imageOf(
  content: FileContent | null,
  guid: string | null = guidOf(content?.meta),
): FileImage | null {
  if (!content) return null;
  return {
    sha256: sha256(content.bytes),
    bytes: content.bytes.byteLength,
    meta: content.meta ? { sha256: sha256(content.meta), bytes: content.meta.byteLength, guid } : null,
  };
}

function guidOf(meta: Uint8Array | null | undefined): string | null {
  return meta ? (/^guid: ([0-9a-f]{32})\s*$/m.exec(Buffer.from(meta).toString('latin1'))?.[1] ?? null) : null;
}

/** The content behind an image; undefined when the store does not have it. */
export async function contentOf(image: FileImage, images: ImageStore): Promise<FileContent | undefined> {
  const [bytes, meta] = await Promise.all([
    images.get(image.sha256),
    image.meta ? images.get(image.meta.sha256) : null,
  ]);
  return bytes === undefined || meta === undefined ? undefined : { bytes, meta };
}

/** As `contentOf`; null stands for absent. */
export async function loaded(
  image: FileImage | null,
  images: ImageStore,
): Promise<FileContent | null | undefined> {
  return image === null ? null : contentOf(image, images);
}

/** The content that moving operations leads to, with the `.meta` that `metaAfter` says. Null: absent. Undefined: an image is gone. */
export async function restored(
  moves: readonly Move[],
  current: FileContent | null,
  images: ImageStore,
): Promise<FileContent | null | undefined> {
  const to = moves.at(-1)?.to ?? null;
  if (to === null) return null;
  const lying = current?.meta ?? null;
  const lyingSha = lying && sha256(lying);
  const wanted = metaAfter(moves, lyingSha);
  const [bytes, meta] = await Promise.all([
    images.get(to.sha256),
    wanted === null || wanted === lyingSha ? lying : images.get(wanted),
  ]);
  return bytes === undefined || meta === undefined ? undefined : { bytes, meta };
}

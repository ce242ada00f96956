import { sha256 } from '../../core/ids.js';
import type { FileImage } from '../../events/event.js';
import type { FileContent } from '../editor.js';
import type { ImageStore } from '../ports.js';

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

/**
 * The content to restore. A file that stays keeps the `.meta` it has, unless what is taken back has itself changed that (a script removed
 * and made anew, rolled back as one) and nobody else has since: then its identity comes back too. Undefined: its image is gone.
 */
export async function restored(
  { from, to }: { readonly from: FileImage | null; readonly to: FileImage | null },
  current: FileContent | null,
  images: ImageStore,
): Promise<FileContent | null | undefined> {
  if (to === null) return null;
  const content = await contentOf(to, images);
  if (!content || !current) return content;
  const left = from?.meta?.sha256;
  const ours = to.meta && left !== undefined && left !== to.meta.sha256 && current.meta !== null;
  return ours && sha256(current.meta) === left ? content : { bytes: content.bytes, meta: current.meta };
}

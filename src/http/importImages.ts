import { LIMITS } from '../commands/limits.js';
import type { SessionImport } from '../commands/sessionImport.js';
import { sha256 } from '../core/ids.js';
import { HTTP_LIMITS } from './limits.js';
import { draft, type ProblemDraft } from './problem.js';

type Checked =
  | { readonly ok: true; readonly images: { readonly sha256: string; readonly bytes: Uint8Array }[] }
  | { readonly ok: false; readonly problem: ProblemDraft };

/** The images of an import, decoded; one that no operation names, or whose bytes are not those its name says, is refused before anything is stored. */
export function imagesOfImport(
  images: Readonly<Record<string, string>>,
  operations: SessionImport['operations'],
): Checked {
  const named = namesIn(operations);
  const decoded: { sha256: string; bytes: Uint8Array }[] = [];
  let total = 0;
  for (const [name, text] of Object.entries(images)) {
    if (!named.has(name))
      return {
        ok: false,
        problem: draft(
          'schema_violation',
          `no operation of the document names the image ${name}: leave it out`,
          {
            errors: [{ pointer: `/images/${name}`, message: 'no operation names this image' }],
          },
        ),
      };
    const bytes = Buffer.from(text, 'base64');
    total += bytes.byteLength;
    if (bytes.byteLength > LIMITS.assetBytes || total > HTTP_LIMITS.exportImageBytes)
      return {
        ok: false,
        problem: draft(
          'payload_too_large',
          `the images are too large: at most ${LIMITS.assetBytes} bytes each and ${HTTP_LIMITS.exportImageBytes} together`,
        ),
      };
    if (sha256(bytes) !== name)
      return {
        ok: false,
        problem: draft('schema_violation', `the bytes under ${name} have another sha-256`, {
          errors: [{ pointer: `/images/${name}`, message: 'the bytes are not those of this sha-256' }],
        }),
      };
    decoded.push({ sha256: name, bytes });
  }
  return { ok: true, images: decoded };
}

function namesIn(operations: SessionImport['operations']): ReadonlySet<string> {
  const images = operations.flatMap(({ before, after }) => [before, before?.meta, after, after?.meta]);
  return new Set(images.flatMap((image) => (image ? [image.sha256] : [])));
}

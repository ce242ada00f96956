import { UPLOAD_MIME_EXTENSIONS } from '../commands/mimeTypes.js';
import { bytesAreOf, sniffMime } from '../commands/sniffMime.js';
import { draft, type ProblemDraft } from './problem.js';

export const UPLOAD_MIMES = Object.keys(UPLOAD_MIME_EXTENSIONS);

export type ClaimedMime =
  | { readonly ok: true; readonly mime: string; readonly extension: string }
  | { readonly ok: false; readonly problem: ProblemDraft };

/** What a `Content-Type` claims, without its parameters; a problem (415) when no command takes such a thing. */
export function claimedMime(contentType: string | undefined): ClaimedMime {
  const mime = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const extension = UPLOAD_MIME_EXTENSIONS[mime]?.[0];
  if (extension !== undefined) return { ok: true, mime, extension };
  const said = mime === '' ? 'there is no Content-Type' : `the Content-Type ${mime} is taken by no command`;
  return {
    ok: false,
    problem: draft('media_type_not_taken', `${said}; send one of ${UPLOAD_MIMES.join(', ')}`),
  };
}

/** The problem (422) of bytes that are not what they are claimed to be; undefined when they are. */
export function bytesProblem(mime: string, bytes: Uint8Array): ProblemDraft | undefined {
  if (bytes.byteLength === 0) return draft('empty_upload', 'the body is empty: send the bytes of the file');
  if (bytesAreOf(bytes, mime)) return undefined;
  const found = sniffMime(bytes) ?? 'of no kind SPARK knows';
  return draft('mime_mismatch', `the file is not ${mime} by its own bytes, but ${found}`, {
    errors: [{ pointer: '/headers/content-type', message: `is ${mime}; the bytes are ${found}` }],
  });
}

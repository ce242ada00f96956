import type { EventError, FileImage, FileIntent } from '../../events/event.js';
import type { FileContent } from '../editor.js';

/** What one event can carry beside everything else in it; a nats-server's default `max_payload` is 1 MB. */
const MAX_INTENT_BYTES = 700_000;
/** All contents of a unit lie in memory while it runs. */
const MAX_CONTENT_BYTES = 256 * 1024 * 1024;

/** The bytes of a file and its `.meta` as the log tells them: known before anything is loaded. */
export const bytesOfImage = (image: FileImage | null): number =>
  image === null ? 0 : image.bytes + (image.meta?.bytes ?? 0);

/** The bytes that a file and its `.meta` hold in memory. */
export const bytesOfContent = (content: FileContent | null): number =>
  content === null ? 0 : content.bytes.byteLength + (content.meta?.byteLength ?? 0);

/** What keeps so many bytes, before and after, from being moved as one; undefined: nothing. */
export function contentProblem(contentBytes: number): EventError | undefined {
  if (contentBytes <= MAX_CONTENT_BYTES) return undefined;
  return {
    code: 'unit_too_large',
    message: `the files of this unit hold ${contentBytes} bytes or more before and after; at most ${MAX_CONTENT_BYTES} are moved at once: go in several steps. Nothing was changed`,
    limit: MAX_CONTENT_BYTES,
    unit: 'bytes',
    found: contentBytes,
  };
}

/** What keeps these intents from being recorded in one event; `operations` of them are told of at the end. */
export function intentProblem(intents: readonly FileIntent[], operations: number): EventError | undefined {
  // What the end tells of an operation is about what the intent tells of a file.
  const intentBytes = JSON.stringify(intents).length * Math.max(1, operations / Math.max(1, intents.length));
  if (intentBytes <= MAX_INTENT_BYTES) return undefined;
  return {
    code: 'unit_too_large',
    message: `${operations} operations on ${intents.length} files are more than one command can record; go back in several steps, to a later operation first. Nothing was changed`,
    limit: MAX_INTENT_BYTES,
    unit: 'bytes',
  };
}

import type { EventEnvelope, FileIntent } from '../../events/event.js';

/**
 * The file or folder a command was about: as its payload names it (whatever became of the command), else the one file its intent is
 * about (an undo's). Null: it names none, or what it names is no text.
 */
export function targetPathOf(envelope: EventEnvelope, intent: FileIntent | null | undefined): string | null {
  const payload = envelope.payload as
    | { readonly path?: unknown; readonly targetFolder?: unknown }
    | null
    | undefined;
  const named = payload?.path ?? payload?.targetFolder ?? intent?.path;
  return typeof named === 'string' ? named : null;
}

import type { EditorGate, FileRead } from '../editor.js';
import type { Uploads } from '../ports.js';

/** `Uploads/<sha256>` or `Uploads/<sha256>.<ext>`: what `/v1/uploads` answers with. */
const POSTED = /^Uploads\/([0-9a-f]{64})(?:\.[A-Za-z0-9]{1,10})?$/;

/**
 * A file that a command names, under `Assets/` or `Uploads/`: from the editor's project folder, and where that has none, from what was
 * posted to `/v1/uploads`. At most `maxBytes`; `away` means that one of the two could not be asked. Throws only the signal's reason.
 */
export async function readMedia(
  from: { readonly gate: EditorGate; readonly uploads: Uploads },
  editor: string,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<FileRead> {
  const inProject = await from.gate.readFile(editor, path, maxBytes, signal);
  const sha256 = POSTED.exec(path)?.[1];
  const isElsewhere = inProject.state === 'absent' || inProject.state === 'away' || isOutOfReach(inProject);
  if (sha256 === undefined || !isElsewhere) return inProject;
  const posted = await from.uploads.get(sha256, maxBytes, signal);
  // Content by its own hash: no project could hold anything better, so an editor that is away is not waited for.
  return posted.state === 'absent' && inProject.state === 'away' ? inProject : posted;
}

function isOutOfReach(read: FileRead): boolean {
  return read.state === 'refused' && read.code === 'no_project_folder';
}

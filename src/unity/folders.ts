import { sha256 } from '../core/ids.js';
import type { CreatedFolder } from '../events/event.js';
import type { FolderContent } from '../workers/editor.js';
import { metaPathOf, readMeta } from './metaFile.js';
import type { ProjectFolder } from './projectFolder.js';

/**
 * Folders that a script's creation made. Unity has no call that removes a folder only if it is empty, the file system has; the
 * editor notices at its next refresh, as it does when a version control system does the same.
 */

export function readFolders(folder: ProjectFolder, paths: readonly string[]): FolderContent[] {
  return paths.map((path) => ({ path, meta: readMeta(folder, path) }));
}

/** Outermost first, so that each finds its parent. */
export function stageFolders(folder: ProjectFolder, folders: readonly FolderContent[]): void {
  for (const { path, meta } of folders) {
    folder.makeFolder(path);
    if (meta !== null && readMeta(folder, path) === null) folder.write(metaPathOf(path), meta);
  }
}

/** The last first; stops at the first that still holds something, for its parents hold it. */
export function pruneFolders(folder: ProjectFolder, folders: readonly CreatedFolder[]): void {
  for (const { path, metaSha256 } of folders.toReversed()) {
    if (!folder.removeEmptyFolder(path)) return;
    const meta = readMeta(folder, path);
    // Changed settings of a folder that is gone are of no use either, but they are somebody's: Unity itself removes them. One that had none
    // when it was recorded (the editor died before its import) got it from Unity afterwards; left there, it would keep the folder above.
    const isOurs = metaSha256 === null || (meta !== null && sha256(meta) === metaSha256);
    if (meta !== null && isOurs) folder.remove(metaPathOf(path));
  }
}

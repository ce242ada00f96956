import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildIntent } from '../events/event.js';
import type { ProjectFolder } from './projectFolder.js';

const ROOT = 'Builds';
/** What of a build's files is looked at; a larger one is measured in part. */
const MAX_ENTRIES = 20_000;
/** Targets whose output is a folder: the file in it that is written last, or that nothing works without. */
const PLAYER_IN_FOLDER: Readonly<Record<string, string>> = {
  webgl: 'index.html',
  ios: 'Unity-iPhone.xcodeproj',
};

/**
 * Bytes that lie in a build's own folder, or null as long as its player is not there. Every build has a folder of its own
 * (`Builds/{target}/{command id}`), so whatever lies in it is this build's.
 */
export async function outputBytes(folder: ProjectFolder, build: BuildIntent): Promise<number | null> {
  const inside = PLAYER_IN_FOLDER[build.target];
  const player = inside === undefined ? build.outputPath : `${build.outputPath}/${inside}`;
  const place = folder.confineUnder(player, [ROOT]);
  const own = folder.confineUnder(build.outputPath.split('/').slice(0, 3).join('/'), [ROOT]);
  if (place.kind === 'refused' || own.kind === 'refused') return null;
  try {
    await lstat(place.absolute);
    return await bytesUnder(own.absolute);
  } catch {
    // Not there yet, or it changes under our hands: the next look tells.
    return null;
  }
}

async function bytesUnder(root: string): Promise<number> {
  let bytes = 0;
  let seen = 0;
  const waiting = [root];
  for (let at = waiting.pop(); at !== undefined && seen < MAX_ENTRIES; at = waiting.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      seen++;
      const path = join(at, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile()) bytes += (await lstat(path)).size;
    }
  }
  return bytes;
}

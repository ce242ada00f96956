import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/** `Builds/{target}/{command id}`: nobody's but the build's. */
const OWN_FOLDER = /^Builds\/[a-z0-9]+\/[0-9a-f-]{36}(?=\/|$)/;

/** Removes a build's own folder with all that is in it, then the folders above it that are empty. Does nothing where it is not there. */
export async function removeOutput(folder: ProjectFolder, build: BuildIntent): Promise<void> {
  const own = OWN_FOLDER.exec(build.outputPath)?.[0];
  const place = own === undefined ? undefined : folder.confineUnder(own, [ROOT]);
  if (place?.kind !== 'inside') return;
  await rm(place.absolute, { recursive: true, force: true });
  // Refused by the system itself where it holds anything else.
  for (const above of [dirname(place.absolute), dirname(dirname(place.absolute))])
    await rmdir(above).catch(() => undefined);
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

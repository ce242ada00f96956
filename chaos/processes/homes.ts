import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HomeState } from '../../src/embedded/stateFile.js';
import { describeParts } from '../../src/runtime/attachedParts.js';
import { type Places, partsFor } from './access.js';

/** A role's own home: what it keeps on its disk (fence tokens), and the word on where everything is, as `spark start` leaves it. */
export function makeRoleHome(
  dir: string,
  state: HomeState,
  options: { readonly places: Places; readonly token: string },
): string {
  const runDir = join(dir, 'run');
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  describeParts({ runDir }, partsFor(state, options.places), options.token);
  return dir;
}

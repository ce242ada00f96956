import type { Patch } from './mutant.js';

/** A mutant that is none any more: production code has moved on. */
export class RottenPatchError extends Error {
  readonly code = 'rotten_patch';
}

/** The text with the patch in place. Throws unless its place is there exactly once and really changes. */
export function applyPatch(text: string, { file, find, replace }: Patch): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new RottenPatchError(`${file}: the text is there ${parts.length - 1} times, not once:\n${find}`);
  if (find === replace) throw new RottenPatchError(`${file}: the patch changes nothing:\n${find}`);
  return parts.join(replace);
}

/** Every file that the patches touch, patched; several patches of a file go on top of each other. */
export function patchedFiles(patches: readonly Patch[], read: (file: string) => string): Map<string, string> {
  const files = new Map<string, string>();
  for (const patch of patches) {
    if (!patch.file.startsWith('src/')) throw new RottenPatchError(`${patch.file} is no production code`);
    files.set(patch.file, applyPatch(files.get(patch.file) ?? read(patch.file), patch));
  }
  return files;
}

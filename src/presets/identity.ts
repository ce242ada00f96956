import { createHash } from 'node:crypto';

const digest = (text: string): string => createHash('sha256').update(`spark-preset:${text}`).digest('hex');

/**
 * The GUID of an asset by its final path: 32 hex digits, the same at every call, so that files of one preset can refer to each other
 * before the editor has seen any of them.
 */
export const guidOf = (path: string): string => digest(path).slice(0, 32);

/** The id of a sprite within its sheet: a positive whole number that every reader holds exactly. */
export const spriteIdOf = (sheet: string, sprite: string): number =>
  Number.parseInt(digest(`${sheet}#${sprite}`).slice(0, 12), 16) + 1;

/** The namespace and menu of a preset that lies somewhere else than in its own folder: two copies must not share their types. */
export function placeOf(folder: string): string {
  const bare = folder.replace(/^Assets\//, '');
  const name = bare.replace(/[^A-Za-z0-9]/g, '_');
  // "A B" and "A_B" become the same name: then the folder's own digits keep them apart.
  const plain = /^[A-Za-z0-9/]+$/.test(bare);
  return `In_${name}${plain ? '' : `_${digest(folder).slice(0, 6)}`}`;
}

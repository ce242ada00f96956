import type { Move } from './decideUndo.js';

/**
 * The sha-256 of the `.meta` that lies beside a file once operations have been moved one after the other, `lying` beside it now. A file
 * that comes back brings the one it had. One that stays keeps its own, unless the operation itself had changed it and nobody has since.
 * Null: none, or nobody knows.
 */
export function metaAfter(moves: readonly Move[], lying: string | null): string | null {
  let meta = lying;
  for (const { from, to } of moves) {
    if (to === null) meta = null;
    else if (from === null) meta = to.meta?.sha256 ?? null;
    else if (to.meta && from.meta && from.meta.sha256 === meta) meta = to.meta.sha256;
  }
  return meta;
}

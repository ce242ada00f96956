import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A child's log, bounded to about twice `limitBytes` (the file and one older copy, `.1`).
 *
 * The child gets the file itself, in append mode, not a pipe to us: a pipe would break when we are killed, and a Go
 * program dies of the next line it logs. Append mode lets us cut the file under the child's feet.
 */
export interface ChildLog {
  /** Opens the file for a child. The caller closes the descriptor after spawning. */
  open(): { readonly fd: number; close(): void };
  /** Moves the content to `.1` when it is over the limit. */
  trim(): void;
  /** The last lines, at most `bytes` long. */
  tail(bytes?: number): string;
}

export function openChildLog(path: string, limitBytes: number): ChildLog {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const trim = (): void => {
    try {
      if (statSync(path).size <= limitBytes) return;
      copyFileSync(path, `${path}.1`);
      truncateSync(path, 0);
    } catch {
      // no log yet, or the disk is full: a log must not take its daemon down
    }
  };
  return {
    trim,
    open() {
      trim();
      const fd = openSync(path, 'a', 0o600);
      return { fd, close: () => closeSync(fd) };
    },
    tail(bytes = 2_000) {
      try {
        return readFileSync(path).subarray(-bytes).toString('utf8').trim();
      } catch {
        return '';
      }
    },
  };
}

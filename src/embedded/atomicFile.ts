import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Replaces a file in one step: a reader, or a crash, sees the old bytes or the new ones, never a part.
 * The mode is exact, whatever the umask. `owner` gives the file to that user (root only).
 */
export function writeFileAtomically(path: string, content: string, mode = 0o600, owner?: Owner): void {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const fd = openSync(draft, 'wx', mode);
    try {
      fchmodSync(fd, mode);
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
      writeSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

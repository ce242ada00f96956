import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { codeOf } from '../core/errors.js';

/** What the gate reads at most; larger files are refused, not truncated. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

export type FileRead =
  | { readonly kind: 'absent' }
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | Refusal;

export interface Refusal {
  readonly kind: 'refused';
  readonly code: string;
  readonly message: string;
}

export type Confined = { readonly kind: 'inside'; readonly absolute: string } | Refusal;

/**
 * Files of one Unity project on this machine's disk. Synchronous on purpose: a probe is a handful of calls on small local
 * files, 40 µs a probe so and 230 µs through the thread pool (measured), and a mutating command probes twice.
 */
export class ProjectFolder {
  private readonly root: string;

  /** Throws when the folder is not there. */
  constructor(folder: string) {
    this.root = realpathSync.native(folder);
  }

  /**
   * The absolute path of a project-relative one, when it really lies in the project: links on the way may not lead out, and
   * the file itself may not be a link (a rename would replace the link, not what it names).
   */
  confine(path: string): Confined {
    return this.confineUnder(path, ['Assets']);
  }

  /** Like `confine`, for paths under any of the top folders `roots`; each is held for itself. */
  confineUnder(path: string, roots: readonly string[]): Confined {
    const segments = path.split('/');
    const [top = ''] = segments;
    const malformed = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
    if (!roots.includes(top) || segments.length < 2 || malformed || /[\\\0]/.test(path)) {
      return refusal('path_outside_project', `"${path}" is no path under ${roots.join('/ or ')}/`);
    }
    const absolute = join(this.root, path);
    if (!this.holds(dirname(absolute), top)) {
      return refusal('path_outside_project', `"${path}" leads out of the project through a link`);
    }
    return { kind: 'inside', absolute };
  }

  /** Whether the deepest folder that exists on the way lies under `top`. No such folder at all yet: then under the root itself. */
  private holds(folder: string, top: string): boolean {
    const held = join(this.root, top);
    const parent = deepestParent(folder);
    if (parent === null) return false;
    return parent.real === held || parent.real.startsWith(held + sep) || parent.at === this.root;
  }

  read(path: string): FileRead {
    const place = this.confine(path);
    return place.kind === 'refused' ? place : readRegular(place.absolute, path);
  }

  /** Replaces or makes a file in one step, its folder too when missing. The path has been confined. */
  write(path: string, bytes: Uint8Array): Refusal | null {
    const place = this.confine(path);
    if (place.kind === 'refused') return place;
    replaceWhole(place.absolute, bytes);
    return null;
  }

  /** Writes a file that is no asset, under `Library/`: Unity's own cache, which nobody keeps. Says where it lies. */
  writeAside(path: string, bytes: Uint8Array): Confined {
    const place = this.confineUnder(path, ['Library']);
    if (place.kind === 'inside') replaceWhole(place.absolute, bytes);
    return place;
  }

  /** Removes a folder under `Library/` with all that is in it, and what that leaves empty above it. */
  removeTree(path: string): void {
    const place = this.confineUnder(path, ['Library']);
    if (place.kind === 'refused' || lstatSync(place.absolute, { throwIfNoEntry: false }) === undefined)
      return;
    rmSync(place.absolute, { recursive: true, force: true });
    try {
      rmdirSync(dirname(place.absolute));
    } catch {
      // It holds something else: a real editor's cache.
    }
  }

  /** Folders on the way to a file that are not there, outermost first. */
  missingFolders(path: string): string[] {
    const segments = path.split('/').slice(0, -1);
    const folders = segments.map((_, index) => segments.slice(0, index + 1).join('/')).slice(1);
    return folders.filter((folder) => {
      const place = this.confine(folder);
      return place.kind === 'inside' && lstatSync(place.absolute, { throwIfNoEntry: false }) === undefined;
    });
  }

  /** Makes one folder if it is missing; its parent must be there. */
  makeFolder(path: string): void {
    const place = this.confine(path);
    if (place.kind === 'inside' && lstatSync(place.absolute, { throwIfNoEntry: false }) === undefined)
      mkdirSync(place.absolute);
  }

  /** Removes a folder if it is empty; says whether it is gone. The system itself refuses one that holds anything. */
  removeEmptyFolder(path: string): boolean {
    const place = this.confine(path);
    if (place.kind === 'refused') return false;
    try {
      rmdirSync(place.absolute);
      return true;
    } catch (error) {
      return codeOf(error) === 'ENOENT';
    }
  }

  /** Removes a file if it is there. */
  remove(path: string): void {
    const place = this.confine(path);
    if (place.kind === 'inside') rmSync(place.absolute, { force: true });
  }
}

/** In one step: a reader finds the old file or the new one, whole. */
function replaceWhole(absolute: string, bytes: Uint8Array): void {
  // Unity ignores names that begin with a dot, so it never imports the draft.
  const draft = join(dirname(absolute), `.spark-${randomBytes(6).toString('hex')}.tmp`);
  mkdirSync(dirname(absolute), { recursive: true });
  try {
    const fd = openSync(
      draft,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o644,
    );
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, absolute);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function refusal(code: string, message: string): Refusal {
  return { kind: 'refused', code, message };
}

/** The deepest folder on the way that exists, as named and as it really is; null when a link leads nowhere. */
function deepestParent(folder: string): { readonly at: string; readonly real: string } | null {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return { at, real: realpathSync.native(at) };
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') return null;
      if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) return null;
    }
  }
}

/** Never blocks on a pipe or device, never follows a link in the last place. */
function readRegular(absolute: string, path: string): FileRead {
  let fd: number;
  try {
    fd = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return { kind: 'absent' };
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'ENXIO' || code === 'EISDIR')
      return notRegular(path);
    if (code === 'EACCES' || code === 'EPERM') return refusal('unreadable', `"${path}" may not be read`);
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return notRegular(path);
    if (stat.size > MAX_FILE_BYTES) {
      return refusal('file_too_large', `"${path}" has ${stat.size} bytes, the limit is ${MAX_FILE_BYTES}`);
    }
    return { kind: 'file', bytes: readAll(fd, stat.size) };
  } finally {
    closeSync(fd);
  }
}

function notRegular(path: string): Refusal {
  return refusal('not_a_regular_file', `"${path}" is a link, a folder or a device`);
}

function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  while (at < size) {
    const read = readSync(fd, bytes, at, size - at, at);
    if (read === 0) break;
    at += read;
  }
  return at === size ? bytes : bytes.subarray(0, at);
}

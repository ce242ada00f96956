import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf } from '../core/errors.js';
import type { FileRead } from '../workers/editor.js';
import type { ProjectFolder } from './projectFolder.js';

/** What commands may name as a source: assets, and what was laid beside them to be taken in. */
const ROOTS = ['Assets', 'Uploads'];
const CHUNK_BYTES = 1024 * 1024;

/**
 * A file of up to 50 MB under `Assets/` or `Uploads/`, with its sha. In chunks through the thread pool, so that neither reading nor
 * hashing holds up the commands of other editors. Throws only the signal's reason.
 */
export async function readMediaFile(
  folder: ProjectFolder | null,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<FileRead> {
  if (folder === null)
    return refused(
      'no_project_folder',
      `"${path}" cannot be read: the project folder of this editor is out of reach; name it in UNITY_EDITORS (editor=Name@hash:folder)`,
    );
  const place = folder.confineUnder(path, ROOTS);
  if (place.kind === 'refused') return refused(place.code, place.message);
  let handle: FileHandle;
  try {
    // Never blocks on a pipe or device, never follows a link in the last place.
    handle = await open(place.absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return notOpened(path, error);
  }
  try {
    return await readWhole(handle, path, maxBytes, signal);
  } finally {
    await handle.close();
  }
}

function notOpened(path: string, error: unknown): FileRead {
  const code = codeOf(error);
  if (code === 'ENOENT') return { state: 'absent' };
  if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'ENXIO' || code === 'EISDIR')
    return notRegular(path);
  if (code === 'EACCES' || code === 'EPERM') return refused('unreadable', `"${path}" may not be read`);
  throw error;
}

async function readWhole(
  handle: FileHandle,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<FileRead> {
  const stat = await handle.stat();
  if (!stat.isFile()) return notRegular(path);
  if (stat.size > maxBytes)
    return refused('file_too_large', `"${path}" has ${stat.size} bytes, the limit is ${maxBytes}`);
  const bytes = Buffer.allocUnsafeSlow(stat.size);
  const hash = createHash('sha256');
  let at = 0;
  while (at < bytes.length) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), at);
    if (bytesRead === 0) break;
    hash.update(bytes.subarray(at, at + bytesRead));
    at += bytesRead;
  }
  return { state: 'present', bytes: bytes.subarray(0, at), sha256: hash.digest('hex') };
}

function notRegular(path: string): FileRead {
  return refused('not_a_regular_file', `"${path}" is a link, a folder or a device`);
}

function refused(code: string, message: string): FileRead {
  return { state: 'refused', code, message };
}

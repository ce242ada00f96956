import type { Clock } from '../core/clock.js';
import type { ProjectFolder } from './projectFolder.js';

/** How long Unity may take to write the `.meta` of a new script, and how often we look. */
const META_WAIT_MS = 1_000;
const META_POLL_MS = 20;

/** Unity keeps what it knows about `Foo.cs` (its guid first of all) in `Foo.cs.meta` beside it. */
export function metaPathOf(path: string): string {
  return `${path}.meta`;
}

/** The bytes of the `.meta`, or null when there is none that can be read. */
export function readMeta(folder: ProjectFolder, path: string): Buffer | null {
  const read = folder.read(metaPathOf(path));
  return read.kind === 'file' ? read.bytes : null;
}

/** The guid a `.meta` gives: `guid: ` and 32 hex digits on a line of their own. */
export function guidOf(meta: Uint8Array): string | null {
  const text = Buffer.from(meta.buffer, meta.byteOffset, Math.min(meta.byteLength, 65_536)).toString(
    'latin1',
  );
  return /^guid: ([0-9a-f]{32})[ \t]*\r?$/m.exec(text)?.[1] ?? null;
}

/** Waits until the `.meta` is there, at most a second: Unity imports after it has answered. Resolves either way. */
export async function awaitMeta(
  folder: ProjectFolder,
  path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = clock.monotonicMs() + META_WAIT_MS;
  while (readMeta(folder, path) === null && clock.monotonicMs() < untilMs)
    await clock.sleep(META_POLL_MS, signal);
}

import { readFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf, SparkError } from '../core/errors.js';
import { isToken } from '../core/ids.js';
import { isRecord } from './cleanText.js';

/** No token of `epoch` up to and with `call` may be let through any more, nor any of an earlier epoch. */
export interface FenceBound {
  readonly epoch: number;
  readonly call: number;
}

/** Keeps a bound for each editor, and for each partition that reaches over to it, over restarts. `partition` undefined: the editor's own. */
export interface FenceStore {
  load(editor: string, partition: number | undefined): Promise<FenceBound | null>;
  save(editor: string, partition: number | undefined, bound: FenceBound): Promise<void>;
}

export const FENCE_STORE_BROKEN = 'fence_store_broken';

/** The stored bound cannot be read or written: going on without it would let a zombie through. Nothing was let through. */
export class FenceStoreError extends SparkError {
  override readonly code = FENCE_STORE_BROKEN;
}

export function memoryFenceStore(): FenceStore {
  const bounds = new Map<string, FenceBound>();
  const keyOf = (editor: string, partition: number | undefined) => `${editor}/${partition ?? ''}`;
  return {
    load: async (editor, partition) => bounds.get(keyOf(editor, partition)) ?? null,
    save: async (editor, partition, bound) => {
      bounds.set(keyOf(editor, partition), bound);
    },
  };
}

/** What this build writes says so. Files of the builds before it hold the last token of an epoch's first call, whoever's it was. */
const VERSION = 2;

/**
 * One small file an editor (and partition) under `folder`, replaced by rename, file and folder synced: a crash leaves the old bound or
 * the new one. Earlier builds had one file an editor: it counts for every partition that has none of its own yet (each is claimed anew by
 * this build, with an epoch above).
 */
export function fileFenceStore(folder: string): FenceStore {
  const fileOf = (editor: string, partition: number | undefined): string => {
    if (!isToken(editor)) throw new FenceStoreError(`"${editor}" is no editor name`, { fields: { editor } });
    return join(folder, `${editor}${partition === undefined ? '' : `.p${partition}`}.fence.json`);
  };
  return {
    load: async (editor, partition) => {
      const own = loadFile(fileOf(editor, partition));
      if (own || partition === undefined) return own?.bound ?? null;
      const earlier = loadFile(fileOf(editor, undefined));
      return earlier && earlier.version < VERSION ? earlier.bound : null;
    },
    save: async (editor, partition, { epoch, call }) => {
      const file = fileOf(editor, partition);
      try {
        await replaceSynced(folder, file, JSON.stringify({ v: VERSION, epoch, call }));
      } catch (error) {
        throw broken(error, `${file} cannot be written`);
      }
    },
  };
}

async function replaceSynced(folder: string, file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  const parent = await open(folder, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

function broken(cause: unknown, what: string): FenceStoreError {
  return cause instanceof FenceStoreError
    ? cause
    : new FenceStoreError(`${what}: ${messageOf(cause)}`, { cause });
}

/** Read at every call, so in one go: a few bytes that the system has in memory, where the thread pool would cost ten times as much. */
function loadFile(file: string): { readonly bound: FenceBound; readonly version: number } | null {
  try {
    return parseBound(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw broken(error, `${file} cannot be read`);
  }
}

function parseBound(text: string, file: string): { readonly bound: FenceBound; readonly version: number } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FenceStoreError(`${file} is not JSON`, { cause });
  }
  const fields = isRecord(value) ? value : {};
  const { v = 1, epoch, call } = fields;
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(call))
    throw new FenceStoreError(`${file} holds no token`);
  return { bound: { epoch: Number(epoch), call: Number(call) }, version: Number(v) };
}

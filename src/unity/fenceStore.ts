import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, SparkError } from '../core/errors.js';
import { isToken } from '../core/ids.js';
import type { FenceToken } from '../events/event.js';
import { isRecord } from './cleanText.js';

/** Keeps the highest fence token of each editor over restarts. */
export interface FenceStore {
  load(editor: string): Promise<FenceToken | null>;
  save(editor: string, token: FenceToken): Promise<void>;
}

/** The stored token cannot be read: going on without it would let a zombie through. */
export class FenceStoreError extends SparkError {
  override readonly code = 'fence_store_broken';
}

export function memoryFenceStore(): FenceStore {
  const tokens = new Map<string, FenceToken>();
  return {
    load: async (editor) => tokens.get(editor) ?? null,
    save: async (editor, token) => {
      tokens.set(editor, token);
    },
  };
}

/** One small file an editor under `folder`, replaced by rename and synced before: a crash leaves the old token or the new one. */
export function fileFenceStore(folder: string): FenceStore {
  const fileOf = (editor: string): string => {
    if (!isToken(editor)) throw new FenceStoreError(`"${editor}" is no editor name`, { fields: { editor } });
    return join(folder, `${editor}.fence.json`);
  };
  return {
    load: async (editor) => {
      const file = fileOf(editor);
      try {
        return parseToken(await readFile(file, 'utf8'), file);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return null;
        throw error;
      }
    },
    save: async (editor, token) => {
      const file = fileOf(editor);
      const draft = `${file}.${process.pid}.tmp`;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        const handle = await open(draft, 'w', 0o600);
        try {
          await handle.writeFile(JSON.stringify({ epoch: token.epoch, call: token.call }));
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(draft, file);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
  };
}

function parseToken(text: string, file: string): FenceToken {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FenceStoreError(`${file} is not JSON`, { cause });
  }
  const fields = isRecord(value) ? value : {};
  const { epoch, call } = fields;
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(call))
    throw new FenceStoreError(`${file} holds no token`);
  return { epoch: Number(epoch), call: Number(call) };
}

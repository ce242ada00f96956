import type { ApplyPatch } from '../../commands/applyPatch.js';
import type { DeleteScript } from '../../commands/deleteScript.js';
import type { GenerateScript } from '../../commands/generateScript.js';
import { LIMITS } from '../../commands/limits.js';
import type { EventError, FailureOutcome } from '../../events/event.js';
import type { FileChange, FileContent } from '../editor.js';
import { patchText } from './textPatch.js';

/** What a script command comes to, given what lies at its path. Pure: bytes in, bytes out. */
export type Decision =
  | { readonly kind: 'change'; readonly change: FileChange }
  /** There is nothing to do: the file is as wanted. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly outcome: FailureOutcome; readonly error: EventError };

export type ScriptCommand =
  | { readonly type: 'unity.generate_script'; readonly payload: GenerateScript }
  | { readonly type: 'unity.apply_patch'; readonly payload: ApplyPatch }
  | { readonly type: 'unity.delete_script'; readonly payload: DeleteScript };

/** `current`: the file's content with its sha-256, or undefined when it is absent. */
export type Current = (FileContent & { readonly sha256: string }) | undefined;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function decideScript(command: ScriptCommand, current: Current): Decision {
  switch (command.type) {
    case 'unity.generate_script':
      return decideGenerate(command.payload, current);
    case 'unity.apply_patch':
      return decidePatch(command.payload, current);
    case 'unity.delete_script':
      return current ? changeTo(command.payload.path, current, null) : notFound(command.payload.path);
  }
}

function decideGenerate(payload: GenerateScript, current: Current): Decision {
  const bytes = utf8.encode(payload.code);
  if (!current) return changeTo(payload.path, undefined, { bytes, meta: null });
  if (payload.overwrite !== true)
    return conflict('script_exists', `${payload.path} exists already; send "overwrite": true to replace it`, {
      path: payload.path,
      currentSha256: current.sha256,
    });
  return changeTo(payload.path, current, { bytes, meta: current.meta });
}

function decidePatch(payload: ApplyPatch, current: Current): Decision {
  if (!current) return notFound(payload.path);
  if (payload.expectedSha256 !== undefined && payload.expectedSha256 !== current.sha256)
    return conflict('stale_file', `${payload.path} is not the version the patch was made for`, {
      path: payload.path,
      expectedSha256: payload.expectedSha256,
      currentSha256: current.sha256,
    });
  const text = textOf(current.bytes);
  if (text === undefined)
    return failed('not_text', `${payload.path} is not UTF-8 text`, { path: payload.path });
  const patched = patchText(text, payload);
  if (!patched.ok)
    return failed('patch_does_not_apply', patched.message, {
      path: payload.path,
      currentSha256: current.sha256,
    });
  const bytes = utf8.encode(patched.text);
  if (bytes.byteLength > LIMITS.scriptBytes)
    return failed(
      'payload_too_large',
      `the patched script would be ${bytes.byteLength} bytes; at most ${LIMITS.scriptBytes} are allowed`,
      {
        limit: LIMITS.scriptBytes,
        unit: 'bytes',
      },
    );
  return changeTo(payload.path, current, { bytes, meta: current.meta });
}

/** The bytes as text, or undefined when they are not UTF-8. A byte order mark stays: it is part of the file. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function changeTo(path: string, current: Current, after: FileContent | null): Decision {
  if (current && after && Buffer.compare(current.bytes, after.bytes) === 0) return { kind: 'unchanged' };
  return { kind: 'change', change: { path, before: current ?? null, after } };
}

const notFound = (path: string): Decision =>
  failed('script_not_found', `there is no script at ${path}`, { path });

function failed(code: string, message: string, fields: Record<string, unknown>): Decision {
  return { kind: 'failed', outcome: 'failed', error: { code, message, ...fields } };
}

function conflict(code: string, message: string, fields: Record<string, unknown>): Decision {
  return { kind: 'failed', outcome: 'conflict', error: { code, message, ...fields } };
}

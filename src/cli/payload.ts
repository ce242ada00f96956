import { basename } from 'node:path';
import { UsageError } from './errors.js';
import { parseJson, readText } from './readInput.js';

/** The ways to say a payload; later ones fill in members of earlier ones. */
export interface PayloadOptions {
  readonly payload?: string;
  readonly payloadFile?: string;
  readonly codeFile?: string;
  readonly patchFile?: string;
  readonly set?: readonly string[];
}

/**
 * Builds a payload. With --code-file a script's name and path follow from the file's name unless they are given. Only the shape
 * is looked at here: whether the payload fits its command is the server's word.
 */
export function buildPayload(type: string, options: PayloadOptions): Record<string, unknown> {
  if (options.payload !== undefined && options.payloadFile !== undefined)
    throw new UsageError('give --payload or --payload-file, not both');
  const base =
    options.payload !== undefined
      ? parseJson(options.payload, '--payload')
      : options.payloadFile !== undefined
        ? parseJson(readText(options.payloadFile), options.payloadFile)
        : {};
  if (typeof base !== 'object' || base === null || Array.isArray(base))
    throw new UsageError('the payload must be a JSON object');
  const payload = { ...base, ...membersOf(options.set ?? []) } as Record<string, unknown>;
  if (options.patchFile !== undefined) payload['patch'] = readText(options.patchFile);
  if (options.codeFile !== undefined) {
    payload['code'] = readText(options.codeFile);
    if (type === 'unity.generate_script') nameScript(payload, options.codeFile);
  }
  return payload;
}

function nameScript(payload: Record<string, unknown>, file: string): void {
  const path = payload['path'];
  const stem = basename(typeof path === 'string' ? path : file, '.cs');
  payload['name'] ??= stem;
  payload['path'] ??= `Assets/Scripts/${stem}.cs`;
}

/** `width=512` is a number, `path=Assets/A.cs` a text: a value that is JSON is taken as JSON. */
function membersOf(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`--set ${pair}: must be name=value`);
      return [pair.slice(0, at), jsonOrText(pair.slice(at + 1))];
    }),
  );
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

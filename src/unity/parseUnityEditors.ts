import { SparkError } from '../core/errors.js';
import { isToken } from '../core/ids.js';

/** An editor as configuration names it. */
export interface ConfiguredEditor {
  readonly editor: string;
  /** `Name@hash`, as the MCP server knows it. */
  readonly instance: string;
  /** The project folder (the one that holds `Assets`) when this machine can read it. */
  readonly projectFolder: string | null;
}

export class UnityEditorsError extends SparkError {
  override readonly code = 'invalid_unity_editors';
}

/**
 * Parses `UNITY_EDITORS`: entries `editor=Name@hash:project folder` between semicolons or line ends, the folder (and its
 * colon) may be left out. Throws `UnityEditorsError` with the entry's number and what is wrong.
 */
export function parseUnityEditors(text: string): ConfiguredEditor[] {
  const entries = text
    .split(/[;\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry.length > 0);
  const editors = entries.map(parseEntry);
  const names = new Set<string>();
  for (const { editor } of editors) {
    if (names.has(editor))
      throw new UnityEditorsError(`editor "${editor}" is named twice`, { fields: { editor } });
    names.add(editor);
  }
  return editors;
}

function parseEntry(entry: string, index: number): ConfiguredEditor {
  const fail = (what: string): UnityEditorsError =>
    new UnityEditorsError(
      `entry ${index + 1} ("${entry}") ${what}; expected editor=Name@hash:project folder`,
      {
        fields: { entry: index + 1 },
      },
    );
  const equals = entry.indexOf('=');
  if (equals < 0) throw fail('has no "="');
  const editor = entry.slice(0, equals).trim();
  if (!isToken(editor)) throw fail('does not begin with an editor name of letters, digits, "-" and "_"');
  const rest = entry.slice(equals + 1).trim();
  const at = rest.lastIndexOf('@', endOfHash(rest));
  const colon = at < 0 ? -1 : rest.indexOf(':', at);
  const instance = (colon < 0 ? rest : rest.slice(0, colon)).trim();
  if (!/^.+@[A-Za-z0-9]+$/.test(instance)) throw fail('names no instance "Name@hash"');
  const folder = colon < 0 ? '' : rest.slice(colon + 1).trim();
  return { editor, instance, projectFolder: folder === '' ? null : folder };
}

/** The project's name may hold "@" and its folder too: the hash follows the last "@" before the first colon after one. */
function endOfHash(rest: string): number {
  const colon = rest.indexOf(':', rest.indexOf('@'));
  return colon < 0 ? rest.length : colon;
}

/**
 * The simulator's own rules for paths: nothing outside `Assets/` (or, for builds, outside the project) is ever touched.
 * They are written down here anew, not shared with SPARK's validator, so that a hole in that one shows.
 */
import { lstatSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type Answer, failed, refused } from './answers.js';

export type Resolved =
  | { readonly ok: true; readonly relative: string; readonly absolute: string }
  | { readonly ok: false; readonly answer: Answer };

const SCRIPT_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const MAX_PATH_CHARS = 1024;

const no = (answer: Answer): Resolved => ({ ok: false, answer });

/** The path of a script argument (`create_script.path`): under Assets, no traversal, `.cs`, a C# name. */
export function resolveScriptPath(root: string, path: string): Resolved {
  const slashed = path.replaceAll('\\', '/');
  if (slashed.split('/')[0]?.toLowerCase() !== 'assets' || !slashed.includes('/')) {
    return no(refused('path_outside_assets', `path must be under 'Assets/'; got '${path}'.`));
  }
  if (slashed.split('/').includes('..')) {
    return no(refused('bad_path', 'path must not contain traversal or be absolute.'));
  }
  const relative = posix.normalize(slashed);
  const file = posix.basename(relative);
  if (relative.endsWith('/') || file.toLowerCase() === '.cs') {
    return no(refused('bad_path', 'path must include a script file name.'));
  }
  if (!file.toLowerCase().endsWith('.cs')) {
    return no(refused('bad_extension', 'script file must end with .cs.'));
  }
  const name = file.slice(0, -'.cs'.length);
  return scriptNamed(root, posix.dirname(relative), name);
}

/** The path of a script given as `mcpforunity://path/…`, `file://…` or plain text. */
export function resolveScriptUri(root: string, uri: string): Resolved {
  const plain = decoded(uri.replace(/^mcpforunity:\/\/path\//, '').replace(/^file:\/\/(localhost)?/, ''));
  const segments = posix.normalize(plain.replaceAll('\\', '/')).split('/');
  const assets = segments.findIndex((segment) => segment.toLowerCase() === 'assets');
  if (assets < 0 || segments.length - assets < 2 || segments.includes('..')) {
    return no(refused('path_outside_assets', "URI must resolve under 'Assets/'."));
  }
  const file = segments.at(-1) ?? '';
  return scriptNamed(root, segments.slice(assets, -1).join('/'), file.replace(/\.[^.]*$/, ''));
}

/** A script by name and folder, as `manage_script` takes them; a `.cs` path stands for its folder. */
export function scriptNamed(root: string, folder: string, name: string): Resolved {
  if (!SCRIPT_NAME.test(name)) {
    const rule = "Use only letters, numbers, underscores, and don't start with a number.";
    return no(failed(`Invalid script name: '${name}'. ${rule}`));
  }
  const directory = /\.cs$/i.test(folder) ? posix.dirname(folder) : folder;
  const parent = assetRelative(directory === '' ? 'Scripts' : directory);
  const resolved =
    parent === undefined ? undefined : insideOrRefused(root, `${parent}/${name}.cs`, 'bad_path');
  if (resolved?.ok === true) return resolved;
  return no(failed(`Invalid path. Target directory must be within 'Assets/'. Provided: '${folder}'`));
}

/** Any asset's path; `Assets/` in front may be left out, as in Unity's tools. `.meta` files are not assets. */
export function resolveAsset(root: string, path: string): Resolved {
  const relative = assetRelative(path);
  if (relative === undefined)
    return no(refused('bad_path', 'path must not contain traversal or be absolute.'));
  if (/\.meta$/i.test(relative)) return no(refused('bad_path', 'a .meta file is not an asset.'));
  return insideOrRefused(root, relative, 'path_outside_assets');
}

function assetRelative(path: string): string | undefined {
  const slashed = path.replaceAll('\\', '/');
  if (slashed.startsWith('/') || /^[a-zA-Z]:/.test(slashed) || slashed.split('/').includes('..'))
    return undefined;
  const tail = posix.normalize(slashed).replace(/^assets(?=\/|$)/i, '');
  return posix.normalize(`Assets/${tail}`).replace(/\/$/, '');
}

/** A build's output: relative to the project folder, and inside it but not inside Assets. */
export function resolveOutput(root: string, path: string): Resolved {
  const slashed = path.replaceAll('\\', '/');
  const relative = posix.normalize(slashed).replace(/\/$/, '');
  const outside = slashed.startsWith('/') || /^[a-zA-Z]:/.test(slashed) || slashed.split('/').includes('..');
  if (outside || relative === '.' || /^(assets|packages|projectsettings|library)(\/|$)/i.test(relative)) {
    return no(
      refused('bad_path', `output_path must be a folder of its own inside the project; got '${path}'.`),
    );
  }
  return insideOrRefused(root, relative, 'bad_path');
}

function insideOrRefused(root: string, relative: string, code: string): Resolved {
  const unprintable = [...relative].some((char) => char < ' ' || char === '\u007f');
  if (unprintable || relative.length > MAX_PATH_CHARS) {
    return no(refused('bad_path', 'path holds control characters or is too long.'));
  }
  if (goesThroughLink(root, relative))
    return no(refused(code, `'${relative}' leads through a symbolic link.`));
  return { ok: true, relative, absolute: join(root, relative) };
}

/** A link anywhere on the way could lead out of the project, so none is followed. */
function goesThroughLink(root: string, relative: string): boolean {
  let at = root;
  for (const segment of relative.split('/')) {
    at = join(at, segment);
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.isSymbolicLink()) return true;
  }
  return false;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

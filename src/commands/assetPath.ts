import { LIMITS } from './limits.js';

/**
 * The one path validator of SPARK. `Assets/` is no sandbox (a script there runs in the editor), so whatever could be read in
 * two ways is refused with a reason, never repaired. The gate checks the realpath again on the editor's disk.
 */
export type PathVerdict = { ok: true } | { ok: false; reason: string };

const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?$/i;
// Bidi controls, zero-width and other invisible format characters, and look-alike separators and dots.
const DECEPTIVE =
  /\p{Default_Ignorable_Code_Point}|\p{Cf}|[\u2028\u2029\ufff0-\uffff]|[\u2024\u2044\u2215\u29f8\uff0e\uff0f\uff3c]/u;
const refuse = (reason: string): PathVerdict => ({ ok: false, reason });

/** Checks a project-relative path under `Assets/`. `extensions`, lower case with the dot, limits how it may end. */
export function checkAssetPath(path: string, extensions?: readonly string[]): PathVerdict {
  const verdict = checkPath(path, ['Assets/']);
  if (!verdict.ok || !extensions) return verdict;
  const lower = path.toLowerCase();
  return extensions.some((extension) => lower.endsWith(extension) && path.endsWith(extension))
    ? verdict
    : refuse(`must end in ${extensions.join(' or ')}`);
}

/** Checks a project-relative path under one of `roots`, each ending in "/". */
export function checkPath(path: string, roots: readonly string[]): PathVerdict {
  if (path.length === 0) return refuse('is empty');
  if (Buffer.byteLength(path, 'utf8') > LIMITS.pathBytes)
    return refuse(`is longer than ${LIMITS.pathBytes} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return refuse('has a control character');
  if (!path.isWellFormed()) return refuse('has a lone surrogate');
  if (DECEPTIVE.test(path)) return refuse('has an invisible or look-alike character');
  if (path.normalize('NFC') !== path) return refuse('is not in Unicode normal form C');
  if (path.includes('\\')) return refuse('has a backslash; use "/"');
  if (path.includes('%')) return refuse('has a "%"; send the path decoded');
  if (/[:*?"<>|]/.test(path)) return refuse('has a character that file systems reserve (: * ? " < > |)');
  if (path.startsWith('/') || path.startsWith('~'))
    return refuse('is absolute; it must be relative to the project');
  if (!roots.some((root) => path.startsWith(root)))
    return refuse(`must lie under ${roots.map((root) => `"${root}"`).join(' or ')}`);
  const segmentProblem = path
    .split('/')
    .map(checkSegment)
    .find((problem) => problem !== undefined);
  if (segmentProblem !== undefined) return refuse(segmentProblem);
  if (path.toLowerCase().endsWith('.meta')) return refuse('names a .meta file; Unity owns those');
  return { ok: true };
}

function checkSegment(segment: string): string | undefined {
  if (segment.length === 0) return 'has an empty segment';
  if (/^\.+$/.test(segment)) return 'has a dot segment';
  if (/[. ]$/.test(segment) || segment.startsWith(' '))
    return 'has a segment that ends in a dot or starts or ends with a space';
  if (DEVICE_NAME.test(segment)) return 'names a device';
  return undefined;
}

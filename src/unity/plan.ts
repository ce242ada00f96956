import { sha256 } from '../core/ids.js';
import type { ChangePlan, FileChange, FileContent } from '../workers/editor.js';
import { planAssetChange } from './assetPlan.js';
import { isBalanced } from './csharpScan.js';
import { MAX_EDIT_BYTES } from './cutPlaces.js';
import { chainToText, type TextChain } from './editChain.js';
import type { CreateStep, DeleteStep, EditStep, PlannedStep, StageStep } from './steps.js';
import { editsOf, smallestReplacement } from './textEdit.js';
import { usingBoundary } from './usingGuard.js';

/** A change, and how far the planner may go to make it. */
export interface PlannableChange extends FileChange {
  /**
   * An undo or redo: `after` was there once, so what the editor's text tools would refuse (unbalanced brackets, invalid UTF-8) is
   * written on its disk instead. Without it such text is refused, as the editor would.
   */
  readonly restore?: boolean;
}

/** A `create_script` request stays well below the server's 4 MiB even when much of the text must be escaped. */
const MAX_CREATE_BYTES = 2 * 1024 * 1024;
const BOM = '\ufeff';
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The steps from one content of a script (or, in assetPlan.ts, any other asset) to another: pure, repeatable, each a compare-and-set or create-if-absent with known shas before
 * and after, none that the editor would refuse half-way. Unity's tools keep the `.meta` that is there: another one comes last.
 */
export function planChange(change: PlannableChange): ChangePlan {
  if (!replacesMeta(change)) return planBytes(change);
  const kept = { bytes: change.after.bytes, meta: change.before.meta };
  const plan = planBytes({ ...change, after: kept });
  return plan.ok ? thenMeta(plan, change) : plan;
}

/** A change of a file that stays, whose `.meta` becomes another one. */
interface MetaReplacement extends PlannableChange {
  readonly before: FileContent & { readonly meta: Uint8Array };
  readonly after: FileContent & { readonly meta: Uint8Array };
}

/** Only undo and redo replace a `.meta`, and only one that has been seen: out of reach, or not there yet, it stays as it is. */
function replacesMeta(change: PlannableChange): change is MetaReplacement {
  const [before, after] = [change.before?.meta, change.after?.meta];
  return change.restore === true && before != null && after != null && Buffer.compare(before, after) !== 0;
}

/** Bytes first: cut off in between, the file has come as far as its sha says, and the `.meta` is still the one to be replaced. */
function thenMeta({ steps, waypoints }: ChangePlan & { ok: true }, change: MetaReplacement): ChangePlan {
  const { path, before, after } = change;
  const sha = sha256(after.bytes);
  const step = stageStep(path, sha, after.bytes, after.meta, before.meta);
  return { ok: true, steps: [...steps, step], waypoints: [...waypoints, sha] };
}

function planBytes(change: PlannableChange): ChangePlan {
  const { path, before, after } = change;
  if (!path.endsWith('.cs')) return planAssetChange(change);
  const problem = scriptPathProblem(path);
  if (problem !== null) return { ok: false, code: 'bad_script_path', message: problem };
  if (after === null) return before === null ? done('') : planDelete(path, before.bytes);
  if (before === null) return planCreate(path, after.bytes, after.meta, change.restore === true);
  const from = { bytes: before.bytes, sha: sha256(before.bytes), text: textOf(before.bytes) };
  const to = { bytes: after.bytes, sha: sha256(after.bytes), text: textOf(after.bytes) };
  if (from.sha === to.sha) return done(from.sha);
  const stage = (): ChangePlan => staged(path, from.sha, to.bytes, null);
  if (from.text === null || to.text === null) return stage();
  const chain = planText(from.text, to.text);
  // What was there before may be half-written code: the editor's text tools would refuse it, its disk does not.
  if (change.restore === true && !(chain.ok && chain.texts.every(isBalanced))) return stage();
  return chain.ok ? edited(path, from.text, chain.texts) : chain;
}

/** What the script tools can name at all; everything else about paths was judged when the command was accepted. */
function scriptPathProblem(path: string): string | null {
  if (!path.startsWith('Assets/') || !path.endsWith('.cs')) return `"${path}" is no script under Assets/`;
  const name = path.slice(path.lastIndexOf('/') + 1, -'.cs'.length);
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return null;
  return `Unity's script tools only take names of letters, digits and underscores that do not begin with a digit, not "${name}"`;
}

function done(sha: string): ChangePlan {
  return { ok: true, steps: [], waypoints: [sha] };
}

function planDelete(path: string, bytes: Uint8Array): ChangePlan {
  const beforeSha = sha256(bytes);
  const step: DeleteStep = { kind: 'delete', tool: 'delete_script', path, beforeSha };
  return { ok: true, steps: [step], waypoints: [beforeSha, ''] };
}

function planCreate(path: string, bytes: Uint8Array, meta: Uint8Array | null, restore: boolean): ChangePlan {
  const text = bytes.length > MAX_CREATE_BYTES ? null : textOf(bytes);
  if (text === null || (restore && !isBalanced(text))) return staged(path, '', bytes, meta);
  // An empty `contents` makes Unity write its template: create a blank line, then take it away.
  const first = text === '' ? '\n' : text;
  const create: CreateStep = { kind: 'create', tool: 'create_script', path, contents: first, meta };
  if (text !== '') return { ok: true, steps: [create], waypoints: ['', sha256(bytes)] };
  const steps = [create, editStep(path, first, '')];
  return { ok: true, steps, waypoints: ['', sha256(first), sha256('')] };
}

function staged(path: string, beforeSha: string, bytes: Uint8Array, meta: Uint8Array | null): ChangePlan {
  const step = stageStep(path, beforeSha, bytes, meta, null);
  return { ok: true, steps: [step], waypoints: [beforeSha, sha256(bytes)] };
}

function stageStep(
  path: string,
  beforeSha: string,
  bytes: Uint8Array,
  meta: Uint8Array | null,
  metaBefore: Uint8Array | null,
): StageStep {
  const file = { path, beforeSha, bytes, meta, metaBefore };
  return { kind: 'stage', tool: 'manage_asset', takesNotice: true, ...file };
}

/** One edit when the server takes it; a chain of guarded edits otherwise. */
function planText(before: string, after: string): TextChain {
  const replacement = smallestReplacement(before, after);
  const fits =
    replacement.text.length <= MAX_EDIT_BYTES && Buffer.byteLength(replacement.text) <= MAX_EDIT_BYTES;
  if (fits && replacement.start >= usingBoundary(before)) return { ok: true, texts: [after] };
  return chainToText(before, after);
}

function edited(path: string, before: string, texts: readonly string[]): ChangePlan {
  const steps: PlannedStep[] = [];
  const waypoints: string[] = [sha256(before)];
  let current = before;
  for (const next of texts) {
    steps.push(editStep(path, current, next));
    waypoints.push(sha256(next));
    current = next;
  }
  return { ok: true, steps, waypoints };
}

function editStep(path: string, before: string, after: string): EditStep {
  const edits = editsOf(before, smallestReplacement(before, after));
  const marked = before.startsWith(BOM)
    ? { markless: sha256(before.slice(1)) as string, after: Buffer.from(after, 'utf8') }
    : null;
  return { kind: 'edit', tool: 'apply_text_edits', path, beforeSha: sha256(before), edits, marked };
}

/** The text, with a byte order mark kept as U+FEFF, or null when the bytes are no UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

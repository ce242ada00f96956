/** `apply_text_edits`: compare-and-set on a script, all edits or none. The order of the checks is Unity's. */
import { type Answer, failed, refused, succeeded } from '../answers.js';
import { checkBalance } from '../balance.js';
import { readIfThere, replaceFile, sha256 } from '../safe-write.js';
import {
  applySplices,
  backToFront,
  findOverlap,
  firstUsingOffset,
  locate,
  type Splice,
  type TextEdit,
} from '../text-edits.js';
import type { ToolContext } from '../tool.js';
import { type Script, scriptUri } from './scripts.js';

export const EDIT_PAYLOAD_MAX_BYTES = 64 * 1024;

/** The edits as the caller sent them (`edits` is a list of free objects in the schema), or why they are no edits. */
function parseEdits(raw: readonly Record<string, unknown>[]): TextEdit[] | Answer {
  const edits: TextEdit[] = [];
  for (const item of raw) {
    const places = [item['startLine'], item['startCol'], item['endLine'], item['endCol']];
    const [startLine, startCol, endLine, endCol] = places.map((place) =>
      Number.isInteger(place) ? Math.max(1, Number(place)) : undefined,
    );
    const newText = item['newText'] ?? item['text'] ?? '';
    if (
      startLine === undefined ||
      startCol === undefined ||
      endLine === undefined ||
      endCol === undefined ||
      typeof newText !== 'string'
    ) {
      return refused('missing_field', 'apply_text_edits requires startLine/startCol/endLine/endCol/newText');
    }
    edits.push({ startLine, startCol, endLine, endCol, newText });
  }
  return edits;
}

export interface EditRequest {
  readonly edits: readonly Record<string, unknown>[];
  readonly precondition: string | undefined;
  readonly immediate: boolean;
}

export function editScript(context: ToolContext, script: Script, request: EditRequest): Answer {
  const edits = parseEdits(request.edits);
  if ('success' in edits) return edits;
  const before = readIfThere(script.absolute);
  if (before === undefined) return failed(`Script not found at '${script.relative}'.`);
  if (edits.length === 0) return failed('No edits provided.');
  const beforeSha = sha256(before);
  const stale = checkPrecondition(request.precondition, beforeSha);
  if (stale !== undefined) return stale;
  const located = locate(before, edits);
  if (located.kind === 'out_of_range') {
    return failed(
      `apply_text_edits: ${located.which} out of range (line ${located.line}, col ${located.column})`,
    );
  }
  const ordered = backToFront(located.splices);
  const unfit = checkSplices(before, ordered);
  if (unfit !== undefined) return unfit;
  const after = applySplices(before, ordered);
  if (after.equals(before)) return nothingChanged(script, beforeSha);
  const unbalanced = checkResult(after);
  if (unbalanced !== undefined) return unbalanced;
  const afterSha = sha256(after);
  context.commit({ path: script.relative, beforeSha, afterSha }, () => replaceFile(script.absolute, after));
  return succeeded(`Applied ${edits.length} text edit(s) to '${script.relative}'.`, {
    uri: scriptUri(script.relative),
    path: script.relative,
    editsApplied: edits.length,
    sha256: afterSha,
    scheduledRefresh: !request.immediate,
  });
}

function checkPrecondition(expected: string | undefined, current: string): Answer | undefined {
  if (expected === undefined || expected === '') {
    return failed('precondition_required', { status: 'precondition_required', current_sha256: current });
  }
  if (expected.toLowerCase() === current) return undefined;
  return failed('stale_file', { status: 'stale_file', expected_sha256: expected, current_sha256: current });
}

function checkSplices(before: Buffer, ordered: readonly Splice[]): Answer | undefined {
  const header = firstUsingOffset(before);
  if (ordered.some((splice) => splice.start < header)) {
    return failed('using_guard', {
      status: 'using_guard',
      hint: "Refusing to edit before the first 'using'. Use anchor_insert near a method or a structured edit.",
    });
  }
  const bytes = ordered.reduce((sum, splice) => sum + splice.text.length, 0);
  if (bytes > EDIT_PAYLOAD_MAX_BYTES) {
    return failed('too_large', {
      status: 'too_large',
      limitBytes: EDIT_PAYLOAD_MAX_BYTES,
      hint: 'split into smaller edits',
    });
  }
  const overlap = findOverlap(ordered);
  if (overlap === undefined) return undefined;
  const [a, b] = overlap;
  return failed('overlap', {
    status: 'overlap',
    conflicts: [{ startA: a.start, endA: a.end, startB: b.start, endB: b.end }],
    hint: 'Sort ranges descending by start and compute from the same snapshot.',
  });
}

function checkResult(after: Buffer): Answer | undefined {
  const balance = checkBalance(after.toString('utf8'));
  if (balance.balanced) return undefined;
  const startLine = Math.max(1, balance.line - 5);
  const endLine = balance.line + 5;
  return failed(
    `unbalanced_braces at line ${balance.line}. Call resources/read for lines ${startLine}-${endLine} and resend a ` +
      'smaller apply_text_edits that restores balance.',
    {
      status: 'unbalanced_braces',
      line: balance.line,
      expected: balance.expected,
      evidenceWindow: { startLine, endLine },
    },
  );
}

function nothingChanged(script: Script, sha: string): Answer {
  return succeeded(`No-op: contents unchanged for '${script.relative}'.`, {
    uri: scriptUri(script.relative),
    path: script.relative,
    editsApplied: 0,
    no_op: true,
    sha256: sha,
    evidence: { reason: 'identical_content' },
  });
}

import { applyPatch as applyUnifiedDiff, parsePatch } from 'diff';
import type { ApplyPatch, TextEdit } from '../../commands/applyPatch.js';

export type PatchResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

/**
 * Applies a patch to a text, exactly: no fuzz, because a patch that fits only roughly was made for another text. Line ends of the
 * file are kept: a diff written with LF applies to a CRLF file line by line.
 */
export function patchText(text: string, patch: Pick<ApplyPatch, 'patch' | 'edits'>): PatchResult {
  return patch.edits ? applyEdits(text, patch.edits) : applyDiff(text, patch.patch ?? '');
}

function applyDiff(text: string, patch: string): PatchResult {
  try {
    const files = parsePatch(patch);
    const [file] = files;
    if (files.length !== 1 || !file || file.hunks.length === 0)
      return {
        ok: false,
        message: `the patch must be a unified diff of exactly one file with at least one hunk; it has ${files.length} file(s)`,
      };
    const result = applyUnifiedDiff(text, file, { fuzzFactor: 0, autoConvertLineEndings: true });
    return result === false
      ? { ok: false, message: 'the patch does not apply: its context or removed lines are not in the file' }
      : { ok: true, text: result };
  } catch (error) {
    return {
      ok: false,
      message: `the patch is not a unified diff: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly newText: string;
}

function applyEdits(text: string, edits: readonly TextEdit[]): PatchResult {
  const lineStarts = startsOfLines(text);
  const spans: Span[] = [];
  for (const [index, edit] of edits.entries()) {
    const start = offsetOf(text, lineStarts, edit.startLine, edit.startCol);
    const end = offsetOf(text, lineStarts, edit.endLine, edit.endCol);
    if (start === undefined || end === undefined || end < start)
      return { ok: false, message: `edit ${index} lies outside the file or ends before it starts` };
    spans.push({ start, end, newText: edit.newText });
  }
  spans.sort((left, right) => left.start - right.start || left.end - right.end);
  let patched = '';
  let at = 0;
  for (const span of spans) {
    if (span.start < at) return { ok: false, message: 'two edits overlap' };
    patched += text.slice(at, span.start) + span.newText;
    at = span.end;
  }
  return { ok: true, text: patched + text.slice(at) };
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\r|\n/g)) starts.push(match.index + match[0].length);
  return starts;
}

/** The offset of a 1-based line and column; undefined when the line has no such column (its end counts, its line break does not). */
function offsetOf(
  text: string,
  lineStarts: readonly number[],
  line: number,
  column: number,
): number | undefined {
  const start = lineStarts[line - 1];
  if (start === undefined) return undefined;
  const next = lineStarts[line];
  const lineText = text.slice(start, next).replace(/(\r\n|\r|\n)$/, '');
  return column - 1 <= lineText.length ? start + column - 1 : undefined;
}

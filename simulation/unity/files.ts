import { sha256 } from '../../src/core/ids.js';
import type { PlannedStep, StageStep } from '../../src/unity/steps.js';
import type { TextEdit } from '../../src/unity/textEdit.js';
import type { FileContent } from '../../src/workers/editor.js';

export interface ProjectFile {
  readonly bytes: Uint8Array;
  readonly meta: Uint8Array | null;
  readonly sha256: string;
}

/** What a step does to the file it finds: another content (null: none), or the reason why it does nothing. */
export type StepResult =
  | { readonly kind: 'changes'; readonly to: FileContent | null }
  | { readonly kind: 'stale'; readonly currentSha256: string | null }
  | { readonly kind: 'exists' };

/**
 * What Unity makes of a step when it gets to it: each is a compare-and-set or a create-if-absent of its own. (`delete_script` has no
 * precondition in Unity; the gate compares right before. Here the two are one: that window is not simulated.)
 */
export function resultOf(
  step: PlannedStep,
  file: ProjectFile | undefined,
  freshMeta: () => Uint8Array,
): StepResult {
  const sha = file?.sha256 ?? '';
  switch (step.kind) {
    case 'create':
      if (file) return { kind: 'exists' };
      return changes({ bytes: utf8.encode(step.contents), meta: step.meta ?? freshMeta() });
    case 'edit':
      if (!file || sha !== step.beforeSha) return stale(file);
      return changes({ bytes: utf8.encode(edited(decoder.decode(file.bytes), step.edits)), meta: file.meta });
    case 'delete':
    case 'delete_asset':
      return file && sha === step.beforeSha ? changes(null) : stale(file);
    case 'stage':
      if (sha !== step.beforeSha) return stale(file);
      return changes({ bytes: step.bytes, meta: stagedMeta(step, file) ?? freshMeta() });
    case 'import_model':
      return file ? { kind: 'exists' } : changes({ bytes: step.bytes, meta: freshMeta() });
  }
}

export function fileOf({ bytes, meta }: FileContent): ProjectFile {
  return { bytes, meta, sha256: sha256(bytes) };
}

/** With a file that stays, only the `.meta` that was looked at is replaced. */
function stagedMeta({ meta, metaBefore }: StageStep, file: ProjectFile | undefined): Uint8Array | null {
  if (!file) return meta;
  const isSeen = file.meta !== null && metaBefore != null && Buffer.compare(file.meta, metaBefore) === 0;
  return (isSeen ? meta : null) ?? file.meta;
}

const utf8 = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const changes = (to: FileContent | null): StepResult => ({ kind: 'changes', to });
const stale = (file: ProjectFile | undefined): StepResult => ({
  kind: 'stale',
  currentSha256: file?.sha256 ?? null,
});

/** Later edits first, so that the places of the earlier ones stay right. */
function edited(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (let at = 0; at < text.length; at++) if (text[at] === '\n') starts.push(at + 1);
  const offset = (line: number, col: number): number => (starts[line - 1] ?? text.length) + col - 1;
  return edits.toReversed().reduce((whole, { startLine, startCol, endLine, endCol, newText }) => {
    return whole.slice(0, offset(startLine, startCol)) + newText + whole.slice(offset(endLine, endCol));
  }, text);
}

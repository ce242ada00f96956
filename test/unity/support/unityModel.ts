import { createHash } from 'node:crypto';
import { checkBalance } from '../../../src/embedded/simulator/balance.js';
import { scanCsharp } from '../../../src/unity/csharpScan.js';
import type { PlannedStep } from '../../../src/unity/steps.js';

/**
 * What the editor does with a step, written down from Unity's ManageScript.cs for the tests: every guard and limit of
 * `create_script`, `apply_text_edits` and `delete_script`. Null is an absent file. Throws where the editor would refuse.
 */
export class UnityRefusal extends Error {}

export function applyStep(file: Buffer | null, step: PlannedStep): Buffer | null {
  switch (step.kind) {
    case 'create': {
      if (file !== null) throw new UnityRefusal('already exists');
      if (step.contents === '') throw new UnityRefusal('would write the template');
      return Buffer.from(step.contents, 'utf8');
    }
    case 'delete': {
      if (file === null || shaOf(file) !== step.beforeSha) throw new UnityRefusal('not what was there');
      return null;
    }
    case 'delete_asset': {
      if (file === null || shaOf(file) !== step.beforeSha) throw new UnityRefusal('not what was there');
      return null;
    }
    case 'import_model': {
      if (file !== null) throw new UnityRefusal('would be imported as another name');
      return Buffer.from(step.bytes);
    }
    case 'stage': {
      if (shaOf(file) !== step.beforeSha) throw new UnityRefusal('not what was there');
      return Buffer.from(step.bytes);
    }
    case 'edit':
      return applyEdits(file, step);
  }
}

export function shaOf(file: Uint8Array | null): string {
  return file === null ? '' : createHash('sha256').update(file).digest('hex');
}

const USING = /^\s*using\s+(?:static\s+)?(?:[A-Za-z_]\w*\s*=\s*)?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\s*;/m;

function applyEdits(file: Buffer | null, step: PlannedStep & { readonly kind: 'edit' }): Buffer {
  if (file === null) throw new UnityRefusal('not found');
  if (shaOf(file) !== step.beforeSha) throw new UnityRefusal('stale_file');
  const text = file.toString('utf8');
  const spans = step.edits.map((edit) => ({
    start: indexOf(text, edit.startLine, edit.startCol),
    end: indexOf(text, edit.endLine, edit.endCol),
    text: edit.newText,
  }));
  const boundary = USING.exec(text)?.index ?? 0;
  if (spans.some((span) => span.start < boundary)) throw new UnityRefusal('using_guard');
  const bytes = spans.reduce((sum, span) => sum + Buffer.byteLength(span.text), 0);
  if (bytes > 65_536) throw new UnityRefusal('too_large');
  if (spans.length < 2) throw new UnityRefusal('a single edit may be taken for a method');
  const ordered = [...spans].sort((a, b) => b.start - a.start);
  let next = text;
  let upTo = text.length;
  for (const span of ordered) {
    if (span.end > upTo) throw new UnityRefusal('overlap');
    upTo = span.start;
    next = next.slice(0, span.start) + span.text + next.slice(span.end);
  }
  return Buffer.from(next, 'utf8');
}

/** The editor's own check and an independent one. */
export function bothFindBalanced(text: string): boolean {
  return scanCsharp(text, 'unity').balanced && checkBalance(text).balanced;
}

function indexOf(text: string, line1: number, col1: number): number {
  let line = 1;
  let col = 1;
  for (let at = 0; at <= text.length; at += 1) {
    if (line === line1 && col === col1) return at;
    if (text[at] === '\r') {
      if (text[at + 1] === '\n') at += 1;
      line += 1;
      col = 1;
    } else if (text[at] === '\n') {
      line += 1;
      col = 1;
    } else col += 1;
  }
  throw new UnityRefusal(`out of range (line ${line1}, col ${col1})`);
}

import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import { type Current, decideScript, textOf } from '../../src/workers/execute/decide.js';

const PATH = 'Assets/Player.cs';
const meta = Buffer.from('guid: 0123');
const lying = (text: string | Uint8Array): Current => {
  const bytes = Buffer.from(text as string);
  return { bytes, meta, sha256: sha256(bytes) };
};
const generate = (code: string, current: Current, overwrite?: boolean) =>
  decideScript(
    {
      type: 'unity.generate_script',
      payload: { name: 'P', path: PATH, code, ...(overwrite === undefined ? {} : { overwrite }) },
    },
    current,
  );
const patch = (payload: object, current: Current) =>
  decideScript({ type: 'unity.apply_patch', payload: { path: PATH, ...payload } }, current);
const edit = (newText: string) => ({ startLine: 1, startCol: 1, endLine: 1, endCol: 2, newText });

describe('generate_script', () => {
  it('given no file, makes one; Unity will write its .meta', () => {
    expect(generate('new', undefined)).toEqual({
      kind: 'change',
      change: { path: PATH, before: null, after: { bytes: new TextEncoder().encode('new'), meta: null } },
    });
  });

  it.each([undefined, false])(
    'given a file and overwrite %s, reports a conflict and names what lies there',
    (overwrite) => {
      const current = lying('old');
      expect(generate('new', current, overwrite)).toMatchObject({
        kind: 'failed',
        outcome: 'conflict',
        error: { code: 'script_exists', path: PATH, currentSha256: current?.sha256 },
      });
    },
  );

  it('given a file and overwrite, replaces it and keeps its .meta', () => {
    const decision = generate('new', lying('old'), true);
    expect(decision).toMatchObject({ kind: 'change', change: { before: { meta }, after: { meta } } });
  });

  it('given the same bytes, has nothing to do', () => {
    expect(generate('old', lying('old'), true)).toEqual({ kind: 'unchanged' });
  });

  it('keeps byte order mark, CRLF and non-ASCII text byte for byte', () => {
    const code = '\ufeffclass Ä\r\n{ } // 日本語 🎮\r\n';
    const decision = generate(code, undefined);
    expect(
      decision.kind === 'change' && Buffer.from(decision.change.after?.bytes ?? []).toString('utf8'),
    ).toBe(code);
  });
});

describe('apply_patch', () => {
  it('given no file, fails', () => {
    expect(patch({ edits: [edit('x')] }, undefined)).toMatchObject({
      kind: 'failed',
      outcome: 'failed',
      error: { code: 'script_not_found' },
    });
  });

  it('given the file it was made for, changes it', () => {
    const current = lying('old');
    const decision = patch({ edits: [edit('b')], expectedSha256: current?.sha256 }, current);
    expect(decision.kind === 'change' && Buffer.from(decision.change.after?.bytes ?? []).toString()).toBe(
      'bld',
    );
  });

  it('given another version, reports a conflict', () => {
    expect(patch({ edits: [edit('b')], expectedSha256: 'f'.repeat(64) }, lying('old'))).toMatchObject({
      outcome: 'conflict',
      error: { code: 'stale_file', expectedSha256: 'f'.repeat(64), currentSha256: sha256('old') },
    });
  });

  it('given bytes that are no UTF-8, fails rather than break them', () => {
    expect(patch({ edits: [edit('b')] }, lying(Uint8Array.of(0xff, 0xfe)))).toMatchObject({
      error: { code: 'not_text' },
    });
  });

  it('given a patch that does not fit, fails and says which version lies there', () => {
    expect(patch({ edits: [{ ...edit('b'), startLine: 9, endLine: 9 }] }, lying('old'))).toMatchObject({
      error: { code: 'patch_does_not_apply', currentSha256: sha256('old') },
    });
  });

  it('given a result of 204,800 bytes, changes; of one more, fails with the limit', () => {
    const current = lying(`_${'x'.repeat(204_790)}`);
    expect(patch({ edits: [edit('y'.repeat(10))] }, current).kind).toBe('change');
    expect(patch({ edits: [edit('y'.repeat(11))] }, current)).toMatchObject({
      error: { code: 'payload_too_large', limit: 204_800, unit: 'bytes' },
    });
  });

  it('given a patch that leads to the same text, has nothing to do', () => {
    expect(patch({ edits: [edit('o')] }, lying('old'))).toEqual({ kind: 'unchanged' });
  });
});

describe('delete_script', () => {
  const remove = (current: Current) =>
    decideScript({ type: 'unity.delete_script', payload: { path: PATH } }, current);

  it('given a file, removes it with its .meta', () => {
    expect(remove(lying('old'))).toMatchObject({ kind: 'change', change: { before: { meta }, after: null } });
  });

  it('given no file, fails', () => {
    expect(remove(undefined)).toMatchObject({ outcome: 'failed', error: { code: 'script_not_found' } });
  });
});

it('reading bytes as text keeps a byte order mark and refuses what is no UTF-8', () => {
  expect(textOf(Buffer.from('\ufeffx'))).toBe('\ufeffx');
  expect(textOf(Uint8Array.of(0xc3, 0x28))).toBeUndefined();
});

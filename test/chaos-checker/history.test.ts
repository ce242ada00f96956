import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistory, parseHistory, readHistory } from '../../chaos/history.js';

describe('the history', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'chaos-history-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('given records, they are read back in order, numbered, on a clock that only grows, while it is still open', () => {
    const history = openHistory(join(dir, 'h.jsonl'));
    history.write({ kind: 'phase', phase: 'run' });
    history.write({ kind: 'note', text: 'two\nlines' });
    const records = readHistory(history.file);
    expect(records).toMatchObject([
      { n: 1, kind: 'phase', phase: 'run' },
      { n: 2, kind: 'note', text: 'two\nlines' },
    ]);
    expect(records[1]?.atMs).toBeGreaterThanOrEqual(records[0]?.atMs ?? Infinity);
    expect(history.count('note')).toBe(1);
    history.close();
    history.close();
  });

  it('given a line that a kill tore, it is left out, and who opens the file again goes on behind it', () => {
    const file = join(dir, 'h.jsonl');
    openHistory(file).write({ kind: 'note', text: 'whole' });
    appendFileSync(file, '{"n":2,"kind":"no');
    expect(readHistory(file)).toHaveLength(1);
    const again = openHistory(file);
    again.write({ kind: 'note', text: 'after' });
    again.close();
    expect(readHistory(file)).toMatchObject([{ n: 1 }, { n: 2, text: 'after' }]);
    expect(readHistory(file)[1]?.atMs).toBeGreaterThanOrEqual(readHistory(file)[0]?.atMs ?? Infinity);
  });

  it('given a history that lost a record, refuses it', () => {
    const file = join(dir, 'h.jsonl');
    const history = openHistory(file);
    for (const text of ['a', 'b', 'c']) history.write({ kind: 'note', text });
    history.close();
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.toSpliced(1, 1).join('\n'));
    expect(() => readHistory(file)).toThrow('record 3 stands where 2 belongs');
    expect(parseHistory('')).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import type { CompletedEvent } from '../../src/events/event.js';
import { findRollback } from '../../src/workers/undo/decideRollback.js';
import { conflictOf, findTarget, imagesOf } from '../../src/workers/undo/decideUndo.js';
import { OPERATIONS_KEPT, type Operation, UNITS_KEPT } from '../../src/workers/undo/sessionHistory.js';
import { UndoLog } from '../../src/workers/undo/undoLog.js';
import { command, completed, failed, fileImage, operationOf, started } from '../support/story.js';

const SESSION = 'session-1';
const story = (n: number, over: object = {}) => command({ commandId: `command-${n}`, ...over });
const applied = (n: number, over: object = {}): CompletedEvent => {
  const made = story(n, over);
  return completed(made, {
    change: { direction: 'apply', operation: operationOf(made, 'before', `after ${n}`) },
  });
};
const moved = (n: number, direction: 'undo' | 'redo'): CompletedEvent =>
  completed(command({ type: `session.${direction}` }), {
    change: { direction, operation: operationOf(story(n), 'before', 'x') },
  });
const met = (n: number, direction: 'undo' | 'redo') =>
  failed(command({ type: `session.${direction}` }), 'conflict', { operationId: idOf(n) });
const idOf = (n: number) => operationOf(story(n), null, null).operationId;
const fold = (...events: Parameters<UndoLog['apply']>[0][]) => {
  const log = new UndoLog();
  for (const event of events) log.apply(event);
  return log;
};
const target = (log: UndoLog, direction: 'undo' | 'redo', operationId?: string) => {
  const found = findTarget(log, SESSION, direction, operationId);
  return found.kind === 'target' ? found.operations[0]?.operationId : found.error.code;
};

describe('what an undo is about', () => {
  it('is the newest operation that stands, over all editors of the session', () => {
    const log = fold(applied(1), applied(2, { editor: 'other' }));
    expect(target(log, 'undo')).toBe(idOf(2));
    log.apply(moved(2, 'undo'));
    expect(target(log, 'undo')).toBe(idOf(1));
    log.apply(moved(1, 'undo'));
    expect(target(log, 'undo')).toBe('nothing_to_undo');
  });

  it('is the newest of the log, whatever the clocks of those who made them said', () => {
    const at = (n: number, timestamp: string) => ({ ...applied(n), timestamp });
    const log = fold(at(1, '2026-03-01T12:00:00.000Z'), at(2, '2026-03-01T11:00:00.000Z'));
    expect(target(log, 'undo')).toBe(idOf(2));
  });

  it('is never another session’s operation', () => {
    const log = fold(applied(1, { sessionId: 'other' }));
    expect([target(log, 'undo'), target(log, 'undo', idOf(1))]).toEqual([
      'nothing_to_undo',
      'unknown_operation',
    ]);
  });

  it('may be named, whatever came after it', () => {
    expect(target(fold(applied(1), applied(2)), 'undo', idOf(1))).toBe(idOf(1));
  });

  it('cannot be one that is undone already', () => {
    expect(target(fold(applied(1), moved(1, 'undo')), 'undo', idOf(1))).toBe('not_applied');
  });

  it('is untouched by what changed no file', () => {
    const log = fold(applied(1), started(story(2)), completed(story(3)), failed(story(4), 'failed'));
    expect(target(log, 'undo')).toBe(idOf(1));
  });

  it('given a conflict, may be tried again', () => {
    const log = fold(applied(1), met(1, 'undo'));
    expect(log.findOperation(SESSION, idOf(1))).toMatchObject({ state: 'conflict', effective: 'applied' });
    expect(target(log, 'undo')).toBe(idOf(1));
    log.apply(moved(1, 'undo'));
    expect(log.findOperation(SESSION, idOf(1))).toMatchObject({ state: 'undone', effective: 'undone' });
  });
});

describe('what a redo is about', () => {
  it('is the operation undone last, then the one before', () => {
    const log = fold(applied(1), applied(2), moved(2, 'undo'), moved(1, 'undo'));
    expect(target(log, 'redo')).toBe(idOf(1));
    log.apply(moved(1, 'redo'));
    expect(target(log, 'redo')).toBe(idOf(2));
    log.apply(moved(2, 'redo'));
    expect(target(log, 'redo')).toBe('nothing_to_redo');
    expect(target(log, 'undo')).toBe(idOf(2));
  });

  it('is cleared by a new mutation of the session, even when it is named', () => {
    const log = fold(applied(1), moved(1, 'undo'), applied(2));
    expect([target(log, 'redo'), target(log, 'redo', idOf(1))]).toEqual([
      'nothing_to_redo',
      'nothing_to_redo',
    ]);
  });

  it('is not cleared by another session’s mutation, nor by a reading command', () => {
    const log = fold(applied(1), moved(1, 'undo'), applied(2, { sessionId: 'other' }), completed(story(3)));
    expect(target(log, 'redo')).toBe(idOf(1));
  });

  it('cannot be one that stands', () => {
    expect(target(fold(applied(1)), 'redo', idOf(1))).toBe('not_undone');
  });

  it('given a conflict, may be tried again', () => {
    const log = fold(applied(1), moved(1, 'undo'), met(1, 'redo'));
    expect(log.findOperation(SESSION, idOf(1))).toMatchObject({ state: 'conflict', effective: 'undone' });
    expect(target(log, 'redo')).toBe(idOf(1));
  });
});

describe('the log as a whole', () => {
  it('keeps the newest operations of a session up to its limit', () => {
    const log = fold(...Array.from({ length: OPERATIONS_KEPT + 1 }, (_, n) => applied(n)));
    expect(log.findOperation(SESSION, idOf(0))).toBeUndefined();
    expect(log.findOperation(SESSION, idOf(1))).toBeDefined();
    expect(OPERATIONS_KEPT).toBeGreaterThanOrEqual(50);
  });

  it('says who changed a file last through SPARK', () => {
    const log = fold(applied(1), applied(2, { sessionId: 'other' }));
    expect(log.lastChange('default', 'Assets/Player.cs')).toMatchObject({
      sessionId: 'other',
      commandId: 'command-2',
    });
    expect(log.lastChange('elsewhere', 'Assets/Player.cs')).toBeUndefined();
  });

  it('given any story of doing, undoing and redoing, does what an undo and a redo stack do', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('do', 'undo', 'redo'), { maxLength: 40 }), (moves) => {
        const log = new UndoLog();
        let done: number[] = [];
        let undone: number[] = [];
        for (const [n, move] of moves.entries()) {
          if (move === 'do') {
            log.apply(applied(n));
            done = [...done, n];
            undone = [];
          } else {
            const [from, to] = move === 'undo' ? [done, undone] : [undone, done];
            const expected = from.pop();
            expect(target(log, move as 'undo')).toBe(
              expected === undefined ? `nothing_to_${move}` : idOf(expected),
            );
            if (expected === undefined) continue;
            to.push(expected);
            log.apply(moved(expected, move as 'undo'));
          }
        }
      }),
    );
  });
});

describe('a conflict', () => {
  const operation = (before: string | null, after: string | null): Operation => ({
    ...operationOf(story(1), before, after),
    sessionId: SESSION,
    at: '2030-01-01T00:00:00.000Z',
    state: 'applied',
    effective: 'applied',
  });
  const lying = (text: string) => ({ bytes: Buffer.from(text), meta: null, sha256: sha256(text) });
  const metaSha = (text: string) => fileImage(text).meta?.sha256 ?? null;
  const empty = new UndoLog();

  it('is none when the file is as the operation left it', () => {
    expect(conflictOf(operation('a', 'b'), 'undo', lying('b'), null, empty)).toBeUndefined();
    expect(conflictOf(operation('a', 'b'), 'redo', lying('a'), null, empty)).toBeUndefined();
    expect(conflictOf(operation('a', null), 'undo', undefined, null, empty)).toBeUndefined();
  });

  it.each([
    ['changed by somebody', operation('a', 'b'), lying('c')],
    ['removed by somebody', operation('a', 'b'), undefined],
    ['made again by somebody', operation('a', null), lying('c')],
  ])('is when the file was %s', (_what, made, current) => {
    expect(conflictOf(made, 'undo', current, null, empty)).toMatchObject({
      code: 'conflict',
      expectedSha256: made.after?.sha256 ?? null,
      currentSha256: current?.sha256 ?? null,
      laterChange: { by: 'outside SPARK' },
    });
  });

  it('names the command that changed the file later', () => {
    const log = fold(applied(1), applied(2, { sessionId: 'other' }));
    expect(conflictOf(operation('before', 'after 1'), 'undo', lying('after 2'), null, log)).toMatchObject({
      laterChange: { commandId: 'command-2', sessionId: 'other' },
    });
  });

  it('counts changed import settings only where the step removes the file', () => {
    const created = operation(null, 'b');
    expect(conflictOf(created, 'undo', lying('b'), metaSha('b'), empty)).toBeUndefined();
    expect(conflictOf(created, 'undo', lying('b'), sha256('changed'), empty)).toMatchObject({
      message: expect.stringContaining('.meta'),
    });
    expect(conflictOf(created, 'undo', lying('b'), null, empty)).toBeUndefined();
    expect(conflictOf(operation('a', 'b'), 'undo', lying('b'), sha256('changed'), empty)).toBeUndefined();
  });

  it('looks at the right ends of the step', () => {
    const made = operation('a', 'b');
    expect(imagesOf(made, 'undo')).toEqual({ from: made.after, to: made.before });
    expect(imagesOf(made, 'redo')).toEqual({ from: made.before, to: made.after });
  });
});

describe('units in the log', () => {
  const unit = (n: number, files: number): CompletedEvent => {
    const made = story(n, { type: 'preset.apply' });
    return completed(made, {
      changes: Array.from({ length: files }, (_, file) => ({
        direction: 'apply' as const,
        operation: {
          ...operationOf(made, null, `text ${file}`),
          operationId: `unit-${n}-file-${file}`,
          unitId: made.commandId,
          path: `Assets/${n}/${file}.cs`,
        },
      })),
    });
  };
  const ids = (log: UndoLog, direction: 'undo' | 'redo', id?: string) => {
    const found = findTarget(log, SESSION, direction, id);
    return found.kind === 'target'
      ? found.operations.map(({ operationId }) => operationId)
      : found.error.code;
  };

  it('are undone newest first, by their newest operation, their id or any member', () => {
    const log = fold(unit(1, 2));
    const both = ['unit-1-file-1', 'unit-1-file-0'];
    expect(ids(log, 'undo')).toEqual(both);
    expect(ids(log, 'undo', 'command-1')).toEqual(both);
    expect(ids(log, 'undo', 'unit-1-file-0')).toEqual(both);
  });

  it('that are half undone are undone and redone by the half that stands', () => {
    const log = fold(unit(1, 2));
    const [, second] = (unit(1, 2).changes ?? []).map(({ operation }) => operation);
    if (!second) throw new Error('no second file');
    log.apply(
      failed(command({ type: 'session.undo' }), 'outcome_unknown', {
        changes: [{ direction: 'undo', operation: second }],
      }),
    );
    expect([ids(log, 'undo'), ids(log, 'redo')]).toEqual([['unit-1-file-0'], ['unit-1-file-1']]);
  });

  it(`count as one each: ${UNITS_KEPT} large ones stay undoable, and none is kept by half`, () => {
    const files = 60;
    const log = fold(...Array.from({ length: UNITS_KEPT + 2 }, (_, n) => unit(n, files)));
    const kept = log.operationsOf(SESSION);
    expect(kept).toHaveLength(UNITS_KEPT * files);
    expect(kept[0]?.operationId).toBe('unit-2-file-0');
    expect(log.forgottenThrough(SESSION)).toBeDefined();
    expect(findRollback(log, SESSION, '1970-01-01T00:00:00Z')).toMatchObject({
      kind: 'failed',
      error: { code: 'history_not_kept' },
    });
  });
});

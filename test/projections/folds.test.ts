import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CommandChange, evolveCommand } from '../../src/projections/commands/fold.js';
import { eventRow, loggedEventOf } from '../../src/projections/events/rows.js';
import { foldBatch } from '../../src/projections/foldBatch.js';
import { callOf } from '../../src/projections/functionCalls/rows.js';
import { scriptRow } from '../../src/projections/generatedScripts/rows.js';
import { addImageNeeds, imageGroups } from '../../src/projections/images/needs.js';
import { mergeOperation, type OperationChange, operationsIn } from '../../src/projections/operations/fold.js';
import { previewRow } from '../../src/projections/previews/rows.js';
import { addToSession, type SessionDelta, sessionRows } from '../../src/projections/sessions/fold.js';
import {
  command,
  completed,
  envelopeOf,
  failed,
  fileImage,
  logged,
  operationOf,
  type SparkEvent,
  started,
} from '../support/story.js';

const story = command();
const foldCommand = (events: readonly SparkEvent[]): CommandChange | undefined =>
  logged(events).reduce<CommandChange | undefined>((before, each) => evolveCommand(before, each), undefined);

describe('a command', () => {
  it.each([
    ['started', [started(story)], 'started'],
    ['started, completed', [started(story), completed(story)], 'completed'],
    ['started, expired', [started(story), failed(story, 'expired')], 'failed'],
    ['rejected', [failed(story, 'rejected', { envelope: envelopeOf(story) })], 'rejected'],
    ['completed, then a zombie', [started(story), completed(story), failed(story, 'failed')], 'completed'],
    ['cancelled, then a zombie start', [failed(story, 'cancelled'), started(story)], 'cancelled'],
  ])('given %s, then its state is right', (_, events, state) => {
    expect(foldCommand(events)?.state).toBe(state);
  });

  it('given a second start, then the first moment and envelope stay', () => {
    const again = { ...started(story), envelope: { ...envelopeOf(story), actor: 'another' } };
    const [first] = logged([started(story)]);
    expect(foldCommand([started(story), again])).toMatchObject({
      startedAtMs: first?.tsMs,
      envelope: { actor: 'agent-7' },
      lastSeq: 2 * 1_024,
    });
  });

  it('given only an end (the rest is gone from the log), then the type comes from the name of the event', () => {
    expect(foldCommand([completed(command({ type: 'unity.render_preview' }))])).toMatchObject({
      type: 'unity.render_preview',
      envelope: null,
    });
  });
});

describe('a function call', () => {
  const [, end] = logged([started(story), completed(story)]);
  it('given a completed command, then it is a success', () => {
    expect(end && callOf(end)).toMatchObject({
      ifStarted: false,
      row: { status: 'success', durationMs: 12.5 },
    });
  });
  it('given a failure with a duration, then an error', () => {
    const [event] = logged([failed(story, 'conflict')]);
    expect(event && callOf(event)).toMatchObject({
      ifStarted: false,
      row: { status: 'error', outcome: 'conflict', errorCode: 'code_conflict' },
    });
  });
  it('given a failure without one, then it counts only if the command had started', () => {
    const [event] = logged([failed(story, 'cancelled', { durationMs: null })]);
    expect(event && callOf(event)?.ifStarted).toBe(true);
    expect(foldBatch(event ? [event] : []).uncertainCalls).toHaveLength(1);
    const both = logged([started(story), failed(story, 'cancelled', { durationMs: null })]);
    expect(foldBatch(both)).toMatchObject({ uncertainCalls: [], calls: [{ outcome: 'cancelled' }] });
  });
  it('given a command nobody knows, then none', () => {
    const [event] = logged([{ ...completed(story), type: 'future_thing.completed' }]);
    expect(event && callOf(event)).toBeUndefined();
  });
});

describe('an operation', () => {
  const operation = operationOf(story, 'a', 'b');
  const change = (direction: 'apply' | 'undo' | 'redo') =>
    completed(story, { change: { direction, operation } });
  it.each([
    ['apply', [change('apply')], 'applied', true],
    ['apply, undo', [change('apply'), change('undo')], 'undone', true],
    ['apply, undo, redo', [change('apply'), change('undo'), change('redo')], 'applied', true],
    ['undo of an earlier one', [change('undo')], 'undone', false],
    ['conflict', [failed(story, 'conflict', { operationId: operation.operationId })], 'conflict', false],
  ])('given %s, then its state is right', (_, events, state, made) => {
    const merged = logged(events)
      .flatMap(operationsIn)
      .reduce<OperationChange | undefined>(mergeOperation, undefined);
    expect([merged?.state, merged?.made !== null]).toEqual([state, made]);
  });
});

describe('the smaller ones', () => {
  it('given a delete, then the script row has no bytes; given an undo, then there is none', () => {
    const gone = command({ type: 'unity.delete_script' });
    const operation = operationOf(gone, 'a', null);
    const [deleted, undone] = logged([
      completed(gone, { change: { direction: 'apply', operation } }),
      completed(command({ type: 'session.undo' }), { change: { direction: 'undo', operation } }),
    ]);
    expect(deleted && scriptRow(deleted)).toMatchObject({ action: 'delete', sha256: null, bytes: null });
    expect(undone && scriptRow(undone)).toBeUndefined();
    expect(deleted && previewRow(deleted)).toBeUndefined();
  });

  it('given images, then file and .meta of both sides are needed, in groups that fit', () => {
    const needs = new Map<string, number>();
    const operation = operationOf(story, 'aaa', 'bb');
    addImageNeeds(needs, { event: completed(story, { change: { direction: 'apply', operation } }) });
    const shas = [fileImage('aaa'), fileImage('bb')].flatMap((image) => [image.sha256, image.meta?.sha256]);
    expect([...needs.keys()]).toEqual(shas);
    expect(
      imageGroups(
        [
          ['a', 5],
          ['b', 5],
          ['c', 50],
          ['d', 1],
        ],
        10,
        9,
      ),
    ).toEqual([['a', 'b'], ['c'], ['d']]);
    expect(
      imageGroups(
        [
          ['a', 1],
          ['b', 1],
          ['c', 1],
        ],
        10,
        2,
      ),
    ).toEqual([['a', 'b'], ['c']]);
  });

  it('given state moves, then the session counts each command where it is now', () => {
    const deltas = new Map<string, SessionDelta>();
    for (const each of logged([started(story), completed({ ...story, editor: 'b' })]))
      addToSession(deltas, each);
    const move = { sessionId: 'session-1', editor: 'default' };
    const moves = [
      { ...move, before: null, after: 'completed', acceptedMinuteS: 0, endedMinuteS: 60, count: 3 },
      { ...move, before: 'started', after: 'failed', acceptedMinuteS: null, endedMinuteS: 60, count: 2 },
    ] as const;
    expect(sessionRows(deltas, moves)).toMatchObject([
      {
        session_id: 'session-1',
        commands: 3,
        completed: 3,
        started: -2,
        failed: 2,
        events: 2,
        editors: ['b', 'default'],
      },
    ]);
  });

  it('given any event, then its row gives the event back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (result, message) => {
        const events = logged([
          started(story),
          completed(story, { result: { result } }),
          failed(story, 'failed', { error: { code: 'x', message } }),
        ]);
        for (const each of events) expect(loggedEventOf(eventRow(each))).toEqual(each);
      }),
    );
  });
});

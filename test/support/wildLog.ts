import fc from 'fast-check';
import type { CommandType } from '../../src/commands/catalogue.js';
import { uuidFrom } from '../../src/core/ids.js';
import type { FailureOutcome, LoggedEvent, NotedEvent, SparkEvent } from '../../src/events/event.js';
import { EVENT_VERSION, seqOf } from '../../src/events/event.js';
import {
  type CommandStory,
  completed,
  envelopeOf,
  failed,
  operationOf,
  STORY_BEGAN_MS,
  started,
} from './story.js';

const TYPES: readonly CommandType[] = [
  'unity.generate_script',
  'unity.render_preview',
  'unity.run_build',
  'session.undo',
  'cv.ocr',
];
const COMMANDS = 8;
const OUTCOMES: readonly FailureOutcome[] = [
  'failed',
  'rejected',
  'conflict',
  'outcome_unknown',
  'cancelled',
  'expired',
];

/** One event of a log in which anything may follow anything: ends before starts, second ends, notes about nobody. */
interface Step {
  readonly who: number;
  readonly kind: 'start' | 'complete' | 'fail' | 'use' | 'reconcile';
  readonly outcome: FailureOutcome;
  readonly durationMs: number | null;
  readonly gapMs: number;
  readonly choice: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(COMMANDS - 1),
  kind: fc.constantFrom('start', 'start', 'complete', 'complete', 'fail', 'fail', 'use', 'reconcile'),
  outcome: fc.constantFrom(...OUTCOMES),
  durationMs: fc.oneof(
    fc.constant(null),
    fc.double({ min: 0, max: 100_000, noNaN: true }),
    fc.integer({ min: 0, max: 5_000 }).map((tenths) => tenths / 10),
  ),
  gapMs: fc.oneof(fc.nat(900), fc.nat(200_000)).map((eighths) => eighths / 8),
  choice: fc.nat(1_000),
});

/** A log of up to `maxLength` such events, over some minutes or hours, with microseconds in their times. */
export const wildLog = (maxLength: number): fc.Arbitrary<LoggedEvent[]> =>
  fc.array(step, { minLength: 1, maxLength }).map((steps) => {
    let tsMs = STORY_BEGAN_MS;
    return steps.map((each, i) => {
      tsMs += each.gapMs;
      return { event: eventOf(each, i), seq: seqOf(1 + Math.floor(i / 3), i % 3), tsMs, partition: 0 };
    });
  });

function storyOf(who: number): CommandStory {
  return {
    commandId: uuidFrom('wild', String(who)),
    type: TYPES[who % TYPES.length] ?? 'cv.ocr',
    sessionId: `session-${who % 3}`,
    editor: `editor-${who % 2}`,
  };
}

function eventOf(step: Step, index: number): SparkEvent {
  const story = storyOf(step.who);
  const { choice } = step;
  switch (step.kind) {
    case 'start':
      return startedOf(story, choice);
    case 'complete':
      return completedOf(story, step);
    case 'fail':
      return failedOf(story, step);
    case 'use':
      return noted(story, index, {
        ...{ kind: 'usage', model: `model-${choice % 2}`, inputTokens: choice, outputTokens: index },
        ...(choice % 3 === 0 ? {} : { costUsd: choice / 1_000 }),
      });
    case 'reconcile':
      return noted(story, index, {
        kind: 'reconciled',
        verdict: 'applied',
        text: `note ${index}`,
        actor: 'ops',
      });
  }
}

function startedOf(story: CommandStory, choice: number): SparkEvent {
  const envelope = envelopeOf(story);
  const acceptedAt = new Date(STORY_BEGAN_MS - choice * 250).toISOString();
  const event = { ...started(story), envelope: { ...envelope, acceptedAt } };
  return story.type === 'unity.run_build'
    ? { ...event, build: { outputPath: `Builds/${story.commandId}`, target: 'WebGL' } }
    : event;
}

function completedOf(story: CommandStory, { durationMs, choice }: Step): SparkEvent {
  const over = { durationMs: durationMs ?? 0 };
  const operation = operationOf(storyOf(0), 'before', 'after');
  if (story.type === 'unity.generate_script')
    return completed(story, {
      ...over,
      change: { direction: 'apply', operation: operationOf(story, null, 'x') },
    });
  if (story.type === 'session.undo')
    return completed(story, {
      ...over,
      changes: [{ direction: choice % 2 === 0 ? 'undo' : 'redo', operation }],
    });
  if (story.type !== 'unity.render_preview') return completed(story, over);
  const size = { widthPx: 8, heightPx: 8, requestedWidthPx: 8, requestedHeightPx: 8 };
  const frame = { frameSha256: 'f', mime: 'image/png', bytes: 9, scenePath: null, gameObject: null };
  const mode = choice % 2 === 0 ? 'fast' : 'quality';
  return completed(story, { ...over, preview: { ...size, ...frame, mode, cached: choice % 3 === 0 } });
}

function failedOf(story: CommandStory, { outcome, durationMs, choice }: Step): SparkEvent {
  const acceptedAt = new Date(STORY_BEGAN_MS - choice * 250).toISOString();
  const withEnvelope = choice % 2 === 0 ? { envelope: { ...envelopeOf(story), acceptedAt } } : {};
  const error = {
    code: `code_${outcome}`,
    message: 'so it went',
    ...(choice % 3 === 0 ? { actor: 'ops' } : {}),
  };
  const about =
    story.type === 'session.undo' ? { operationId: operationOf(storyOf(0), 'a', 'b').operationId } : {};
  return failed(story, outcome, { durationMs, error, ...withEnvelope, ...about });
}

function noted(story: CommandStory, index: number, note: NotedEvent['note']): NotedEvent {
  const { commandId, sessionId, editor } = story;
  const type = note.kind === 'usage' ? 'usage.reported' : 'command.reconciled';
  const timestamp = new Date(STORY_BEGAN_MS).toISOString();
  const eventId = uuidFrom('wild-note', String(index));
  return {
    ...{ v: EVENT_VERSION, kind: 'noted', eventId, type, timestamp },
    commandId,
    sessionId,
    editor,
    note,
  };
}

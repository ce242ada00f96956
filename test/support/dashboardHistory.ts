import { CATALOGUE, type CommandType } from '../../src/commands/catalogue.js';
import { eventIdOf, sha256, uuidFrom } from '../../src/core/ids.js';
import type {
  FailureOutcome,
  NotedEvent,
  OperationMove,
  OperationRecord,
  SparkEvent,
} from '../../src/events/event.js';
import { EVENT_VERSION } from '../../src/events/event.js';
import { completed, envelopeOf, failed, fileImage, started } from './story.js';

/** An event and when the log stored it, epoch ms: all that the independent calculation knows. */
export interface Happened {
  readonly event: SparkEvent;
  readonly tsMs: number;
  /** No projection can read it: it becomes a dead letter and counts nowhere else. */
  readonly poison?: true;
}

const MINUTE_MS = 60_000;

/**
 * Stretches of time that a panel's window surely holds or surely does not, in minutes before now: none comes near the edge of a window
 * of 1, 6 or 24 hours while the test runs. With how many commands each.
 */
const STRETCHES = [
  { from: 34 * 60, to: 30 * 60, commands: 60 },
  { from: 21 * 60, to: 8 * 60, commands: 150 },
  { from: 5 * 60, to: 75, commands: 250 },
  { from: 52, to: 3, commands: 400 },
] as const;

const EDITORS = ['default', 'lobby', 'arena'];
const MODELS = ['model-a', 'model-b'];
const TYPES: readonly CommandType[] = [
  ...Array<CommandType>(8).fill('unity.generate_script'),
  ...Array<CommandType>(6).fill('unity.apply_patch'),
  ...Array<CommandType>(8).fill('unity.render_preview'),
  ...Array<CommandType>(3).fill('session.undo'),
  ...Array<CommandType>(2).fill('session.redo'),
  ...Array<CommandType>(2).fill('unity.run_build'),
  'usage.report',
  'unity.delete_script',
  'asr.transcribe',
];
const FAILURES: readonly FailureOutcome[] = [
  'failed',
  'failed',
  'conflict',
  'outcome_unknown',
  'cancelled',
  'expired',
];

/** Numbers from 0 up to 1, the same at every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A made-up day and a half that ends a little before `nowMs`: every kind of end, in log order. */
export function makeHistory(nowMs: number): readonly Happened[] {
  const next = numbers(7);
  const history: Happened[] = [];
  let serial = 0;
  for (const { from, to, commands } of STRETCHES) {
    for (let n = 0; n < commands; n++) {
      const acceptedMs = Math.floor(nowMs - (to + next() * (from - to)) * MINUTE_MS);
      history.push(...lifeOf(serial++, acceptedMs, next));
    }
    history.push(poisonAt(Math.floor(nowMs - ((from + to) / 2) * MINUTE_MS), serial++));
  }
  // A build that somebody forgot.
  const build = {
    commandId: uuidFrom('dashboards', serial),
    type: 'unity.run_build',
    sessionId: 'old',
    editor: 'arena',
  } as const;
  const tsMs = Math.floor(nowMs - 32 * 60 * MINUTE_MS);
  const envelope = { ...envelopeOf(build), acceptedAt: new Date(tsMs).toISOString() };
  history.push({ tsMs, event: { ...started(build), envelope, build: BUILD } });
  return history.sort((a, b) => a.tsMs - b.tsMs);
}

/** What one command leaves in the log; about one in forty is still open. */
function lifeOf(serial: number, acceptedMs: number, next: () => number): Happened[] {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const type = pick(TYPES);
  const story = {
    commandId: uuidFrom('dashboards', serial),
    type,
    sessionId: `session-${Math.floor(next() * 25)}`,
    editor: pick(EDITORS),
  };
  const envelope = { ...envelopeOf(story), acceptedAt: new Date(acceptedMs).toISOString() };
  const startedMs = acceptedMs + Math.round(next() * 400);
  // From half a millisecond to minutes, as a latency is spread.
  const durationMs = Math.round(Math.exp(next() * 9 - 0.7) * 1_000) / 1_000;
  const endedMs = startedMs + Math.ceil(Math.min(durationMs, 20_000)) + 1;
  const [fate, end] = [next(), next()];
  if (fate < 0.03) {
    const error = { code: 'schema_violation', message: 'it was rejected' };
    return [
      {
        tsMs: startedMs,
        event: failed(story, 'rejected', { durationMs: null, attempts: 0, envelope, error }),
      },
    ];
  }
  const begun = { ...started(story), envelope, ...(type === 'unity.run_build' ? { build: BUILD } : {}) };
  const life: Happened[] = [{ tsMs: startedMs, event: begun }];
  if (fate < 0.055) return life;
  // Agents report what they used; services count it beside their command.
  const reports = { 'usage.report': 2, 'asr.transcribe': 1 }[type as string] ?? 0;
  for (let i = 0; i < reports; i++)
    life.push({ tsMs: startedMs, event: usageOf(story, i, pick(MODELS), next) });
  if (fate < 0.2) {
    const outcome = pick(FAILURES);
    const timed = outcome === 'cancelled' || outcome === 'expired' ? { durationMs: null } : { durationMs };
    life.push({ tsMs: endedMs, event: failed(story, outcome, timed) });
  } else {
    life.push({ tsMs: endedMs, event: completed(story, { durationMs, ...extras(story, serial, end) }) });
  }
  return life;
}

/** A usage whose tokens are no number. */
function poisonAt(tsMs: number, serial: number): Happened {
  const story = {
    commandId: uuidFrom('dashboards', serial),
    type: 'usage.report',
    sessionId: 'odd',
    editor: 'odd',
  } as const;
  const event = usageOf(story, 0, 'model-a', () => 0);
  const note = { ...event.note, inputTokens: 'many' } as unknown as NotedEvent['note'];
  return { tsMs, event: { ...event, note }, poison: true };
}

const BUILD = { target: 'webgl', outputPath: 'Builds/webgl' };

function extras(story: Parameters<typeof started>[0], serial: number, chance: number): object {
  if (story.type === 'unity.render_preview') return { preview: previewOf(serial, chance) };
  if (story.type === 'unity.run_build')
    return { build: { ...BUILD, platform: 'WebGL', totalBytes: 1_000 + serial, durationMs: 5, warnings: 0 } };
  const direction = { 'session.undo': 'undo', 'session.redo': 'redo' }[story.type as string] ?? 'apply';
  if (CATALOGUE[story.type].effect !== 'file_change' && direction === 'apply') return {};
  return {
    change: { direction: direction as OperationMove['direction'], operation: operation(story, serial) },
  };
}

/** An undo names an operation of its own: what the panel counts is the move. */
const operation = (story: Parameters<typeof started>[0], serial: number): OperationRecord => ({
  operationId: uuidFrom('dashboards', 'operation', serial),
  editor: story.editor,
  path: `Assets/D${serial}.cs`,
  tool: story.type.startsWith('session.') ? 'unity.apply_patch' : story.type,
  before: null,
  after: fileImage('text'),
});

const previewOf = (serial: number, chance: number): object => ({
  frameSha256: sha256(String(serial)),
  mime: 'image/png',
  bytes: 100,
  widthPx: 8,
  heightPx: 8,
  requestedWidthPx: 8,
  requestedHeightPx: 8,
  scenePath: null,
  gameObject: null,
  mode: serial % 3 === 0 ? 'quality' : 'fast',
  cached: chance < 0.4,
});

function usageOf(
  story: Parameters<typeof started>[0],
  ordinal: number,
  model: string,
  next: () => number,
): NotedEvent {
  const [inputTokens, outputTokens] = [Math.floor(next() * 5_000), Math.floor(next() * 900)];
  // One in four does not know what it cost.
  const cost = next() < 0.25 ? {} : { costUsd: Math.round(next() * 1e6) / 1e6 };
  return {
    ...{
      v: EVENT_VERSION,
      kind: 'noted',
      type: 'usage.reported',
      eventId: eventIdOf(story.commandId, `usage.${ordinal}`),
    },
    ...{ commandId: story.commandId, sessionId: story.sessionId, editor: story.editor },
    timestamp: new Date(0).toISOString(),
    note: { kind: 'usage', model, inputTokens, outputTokens, ...cost },
  };
}

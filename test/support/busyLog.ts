import { uuidFrom } from '../../src/core/ids.js';
import { EVENT_VERSION, type NotedEvent, type SparkEvent } from '../../src/events/event.js';
import type { MemoryImages, MemoryLog } from './memoryLog.js';
import {
  type CommandStory,
  command,
  completed,
  envelopeOf,
  failed,
  imageContents,
  operationOf,
  started,
} from './story.js';

const TYPES = [
  'unity.generate_script',
  'unity.render_preview',
  'unity.apply_patch',
  'unity.run_build',
  'cv.ocr',
] as const;
const ENDS = ['failed', 'conflict', 'outcome_unknown', 'expired'] as const;
const IMAGES = 20;

/** A long session's length in an index: longer than a page of it takes, and not to be packed. */
const unpackable = (seed: string): string =>
  Array.from({ length: 100 }, (_, i) => uuidFrom(seed, String(i))).join('');

/** What many sessions do at once, the same at every call: every read model gets rows. */
export class BusyLog {
  readonly #log: MemoryLog;
  readonly #seed: string;
  #count = 0;
  #tsMs: number;

  constructor(log: MemoryLog, images: MemoryImages, beginMs: number, seed = 'busy') {
    this.#log = log;
    this.#seed = seed;
    this.#tsMs = beginMs;
    for (let i = 0; i < IMAGES; i++) images.add(imageContents(`class C${i} {}`));
  }

  /** Appends so many commands' starts and ends, a few commands a message; times grow by parts of microseconds. */
  work(commands: number): void {
    for (let left = commands; left > 0; left -= 16) {
      const stories = Array.from({ length: Math.min(16, left) }, () => this.#story());
      this.#append(stories.map(startedOf));
      this.#append(stories.flatMap((story, i) => endsOf(story, this.#count + i)));
    }
  }

  /** Four that become dead letters: an event that the fold refuses, two that Postgres does, and bytes that are no event. */
  poison(): void {
    const story = this.#story();
    this.#append([started(story), { ...completed(story), commandId: 'no uuid' }]);
    const long = command({ commandId: story.commandId, sessionId: unpackable(this.#seed) });
    this.#append([completed(long), completed(this.#story())]);
    // Only an index that a rebuild makes at last refuses this one.
    const deep = this.#story();
    const operation = { ...operationOf(deep, null, null), path: `Assets/${unpackable('path')}` };
    this.#append([started(deep), completed(deep, { change: { direction: 'apply', operation } })]);
    this.#log.appendRaw('{"v":1,"events":[{"v":0,"kind":"what"}]}');
  }

  #story(): CommandStory {
    const n = this.#count++;
    return command({
      commandId: uuidFrom(this.#seed, String(n)),
      type: TYPES[n % TYPES.length] ?? 'cv.ocr',
      sessionId: `session-${n % 37}`,
      editor: `editor-${n % 5}`,
    });
  }

  #append(events: readonly SparkEvent[]): void {
    this.#tsMs += 1.000_377;
    this.#log.append(events, this.#tsMs);
  }
}

function startedOf(story: CommandStory): SparkEvent {
  const event = { ...started(story), envelope: { ...envelopeOf(story), type: story.type } };
  return story.type === 'unity.run_build'
    ? { ...event, build: { outputPath: `Builds/${story.commandId}`, target: 'WebGL' } }
    : event;
}

function endsOf(story: CommandStory, n: number): SparkEvent[] {
  const used: SparkEvent[] = n % 7 === 0 ? [usedBy(story, n)] : [];
  if (n % 17 === 0) return [...used, failed(story, 'outcome_unknown'), reconciledBy(story)];
  if (n % 11 === 0)
    return [...used, failed(story, ENDS[n % ENDS.length] ?? 'failed', { durationMs: n % 900 })];
  // Some never end: they stay open over every rebuild.
  if (n % 13 === 0) return used;
  return [...used, completed(story, { durationMs: (n % 4_000) / 10, ...whatItDid(story, n) })];
}

function whatItDid(story: CommandStory, n: number): Partial<Parameters<typeof completed>[1]> {
  if (story.type === 'unity.render_preview')
    return {
      preview: {
        ...{ frameSha256: 'f', mime: 'image/png', bytes: 9, scenePath: null, gameObject: null },
        ...{ widthPx: 8, heightPx: 8, requestedWidthPx: 8, requestedHeightPx: 8 },
        ...{ mode: n % 2 === 0 ? 'fast' : 'quality', cached: n % 3 === 0 },
      },
    };
  if (story.type === 'unity.generate_script') {
    const operation = operationOf(story, null, `class C${n % IMAGES} {}`);
    return { change: { direction: 'apply', operation } };
  }
  return {};
}

function reconciledBy(story: CommandStory): NotedEvent {
  return {
    ...{
      v: EVENT_VERSION,
      kind: 'noted',
      type: 'command.reconciled',
      eventId: uuidFrom('reconciled', story.commandId),
    },
    ...{ commandId: story.commandId, sessionId: story.sessionId, editor: story.editor },
    timestamp: '2026-03-01T10:00:00.000Z',
    note: { kind: 'reconciled', verdict: 'applied', text: 'looked', actor: 'ops' },
  };
}

function usedBy(story: CommandStory, n: number): NotedEvent {
  return {
    ...{
      v: EVENT_VERSION,
      kind: 'noted',
      type: 'usage.reported',
      eventId: uuidFrom('used', story.commandId),
    },
    ...{ commandId: story.commandId, sessionId: story.sessionId, editor: story.editor },
    timestamp: '2026-03-01T10:00:00.000Z',
    note: {
      kind: 'usage',
      model: `m${n % 2}`,
      inputTokens: n % 100,
      outputTokens: 3,
      costUsd: 0.000125 * (n % 9),
    },
  };
}

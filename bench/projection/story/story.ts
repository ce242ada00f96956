import { type CommandTimes, eventsOf, type StoryEvent } from './commandStory.js';
import { isBeside, MEAN_LANE_MS, nextType } from './mix.js';
import { type Random, seededRandom } from './random.js';
import { Session } from './session.js';
import { TimeHeap } from './timeHeap.js';

export interface StoryOptions {
  readonly seed: number;
  readonly editors: number;
  /** The story's own pace: how fast its clock runs against its events. */
  readonly eventsPerSecond: number;
  /** Epoch ms at which it begins. */
  readonly beginMs: number;
}

/** How many sessions of an editor live at a time, and how much each does before another takes its place. */
const SESSIONS_AT_ONCE = 4;
const COMMANDS_PER_SESSION = 200;
const EVENTS_PER_COMMAND = 2.06;
/** An editor that has less time for a command than it takes works faster: lanes are busy for half of their time at most. */
const MAX_LANE_USE = 0.5;
const ACCEPT_TO_START_MS = 2;

/**
 * What a day of SPARK leaves in its log: editors that each do one thing at a time for a few sessions, jobs and services beside them, undo,
 * failures. The events of all editors come in the order of their time. The same options give the same story.
 */
export class Story {
  readonly #random: Random;
  readonly #sessions: Session[];
  readonly #laneFreeMs: Float64Array;
  readonly #pending = new TimeHeap<StoryEvent>();
  readonly #meanGapMs: number;
  readonly #laneScale: number;
  #nowMs: number;
  /** Sessions so far, those that have ended too. */
  sessions = 0;

  constructor(options: StoryOptions) {
    this.#random = seededRandom(options.seed);
    this.#nowMs = options.beginMs;
    const commandsPerSecond = options.eventsPerSecond / EVENTS_PER_COMMAND;
    this.#meanGapMs = 1_000 / commandsPerSecond;
    this.#laneScale = Math.min(1, (MAX_LANE_USE * options.editors * this.#meanGapMs) / MEAN_LANE_MS);
    this.#laneFreeMs = new Float64Array(options.editors).fill(options.beginMs);
    this.#sessions = Array.from({ length: options.editors * SESSIONS_AT_ONCE }, (_, n) => this.#session(n));
  }

  /** The next event; the story never ends. */
  next(): StoryEvent {
    for (;;) {
      const first = this.#pending.peek();
      if (first !== undefined && first.atMs <= this.#nowMs) return this.#pending.pop() as StoryEvent;
      this.#nowMs += this.#random.exponential(this.#meanGapMs);
      this.#command();
    }
  }

  #command(): void {
    const n = this.#random.between(0, this.#sessions.length - 1);
    let session = this.#sessions[n] as Session;
    if (session.left-- <= 0) {
      session = this.#session(n);
      this.#sessions[n] = session;
    }
    const { type, meanMs } = nextType(this.#random);
    const times = this.#times(session.editorIndex, isBeside(type), meanMs);
    for (const event of eventsOf(this.#random, session, type, times)) this.#pending.push(event.atMs, event);
  }

  #times(editorIndex: number, beside: boolean, meanMs: number): CommandTimes {
    const acceptedMs = this.#nowMs;
    const tookMs = this.#random.exponential(meanMs * this.#laneScale);
    const ready = acceptedMs + ACCEPT_TO_START_MS;
    const startedMs = beside ? ready : Math.max(ready, this.#laneFreeMs[editorIndex] ?? 0);
    if (!beside) this.#laneFreeMs[editorIndex] = startedMs + tookMs;
    return { acceptedMs, startedMs, endedMs: startedMs + tookMs };
  }

  #session(n: number): Session {
    this.sessions++;
    return new Session(this.#random, Math.floor(n / SESSIONS_AT_ONCE), COMMANDS_PER_SESSION);
  }
}

import { type Clock, every } from '../../core/clock.js';
import { deadline } from '../../core/deadline.js';
import type { Service } from '../../core/service.js';
import type { EditorLive, EditorsChanged } from '../../http/editorsPort.js';
import type { SurveyedEditor } from '../editorsPort.js';
import type { EditorHealth } from './editorHealth.js';

/** One question an MCP server: cheap enough to know within two seconds that an editor has come or gone. */
const SURVEY_MS = 2_000;
const SURVEY_TIMEOUT_MS = 5_000;
/** Readers hold what they were told in a cache: this is how old it may be when it has changed. */
const TELL_MS = 250;

export interface EditorMonitorOptions {
  readonly clock: Clock;
  readonly health: EditorHealth;
  readonly survey: (signal: AbortSignal) => Promise<SurveyedEditor[]>;
  /** What is shown now; undefined while this worker owns nothing: then it tells nothing. */
  readonly views: () => EditorLive[] | undefined;
  readonly tell: (changed: EditorsChanged) => void;
  readonly onError: (error: unknown) => void;
}

/** Looks now and then which editors are there, and tells which of them have changed. */
export class EditorMonitor implements Service {
  readonly name = 'editor-monitor';
  readonly #options: EditorMonitorOptions;
  #told = new Map<string, string>();
  #stops: (() => void)[] = [];
  #abort = new AbortController();
  #surveying: Promise<void> | undefined;

  constructor(options: EditorMonitorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#stops.length > 0) return;
    this.#abort = new AbortController();
    const { onError } = this.#options;
    this.#stops = [
      every(SURVEY_MS, () => this.survey(), onError),
      every(TELL_MS, () => this.tell(), onError),
    ];
    void this.survey().catch(onError);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const stop of this.#stops) stop();
    this.#stops = [];
    await this.#surveying?.catch(() => undefined);
  }

  /** Looks now; who asks while it looks waits for the same answer. */
  survey(): Promise<void> {
    this.#surveying ??= this.#look().finally(() => {
      this.#surveying = undefined;
    });
    return this.#surveying;
  }

  /** What is being looked at now may be from before a change: looks once more after it. */
  async surveyAnew(): Promise<void> {
    await this.#surveying?.catch(() => undefined);
    await this.survey();
  }

  /** Tells what has changed since it told last; nothing, when nothing has. */
  tell(): void {
    const views = this.#options.views();
    if (!views) {
      this.#told.clear();
      return;
    }
    // When it was last seen moves all the time, and is nobody's news.
    const now = new Map(views.map((view) => [view.editor, JSON.stringify({ ...view, lastSeenAt: null })]));
    const changed = [...new Set([...now.keys(), ...this.#told.keys()])].filter(
      (editor) => now.get(editor) !== this.#told.get(editor),
    );
    this.#told = now;
    if (changed.length > 0) this.#options.tell({ changed, known: namedOf(views) });
  }

  async #look(): Promise<void> {
    const { clock, health, survey } = this.#options;
    const limit = deadline(clock, SURVEY_TIMEOUT_MS, this.#abort.signal);
    try {
      const editors = await survey(limit.signal);
      if (!limit.signal.aborted) health.surveyed(editors);
    } finally {
      limit.clear();
    }
  }
}

/** A name that only commands use is known to nobody: it may be a misspelt one. */
const namedOf = (views: readonly EditorLive[]): string[] =>
  views.filter(({ source }) => source !== 'commands').map(({ editor }) => editor);

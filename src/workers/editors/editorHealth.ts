import type { Clock } from '../../core/clock.js';
import type { EditorLive } from '../../http/editorsPort.js';
import type { SurveyedEditor } from '../editorsPort.js';

interface Known {
  source: EditorLive['source'];
  instance: string | null;
  /** What the last look at the connections said. */
  connected: EditorLive['health']['state'];
  reason: string | null;
  /** Why its lane waits; undefined: it does not. */
  held: string | undefined;
  state: EditorLive['health']['state'];
  sinceMs: number | null;
  lastSeenMs: number | null;
}

/**
 * Which editors there are and how they are: from the lists of the MCP servers, and from what lanes and calls meet in between. Only
 * looks: nothing is decided by it.
 */
export class EditorHealth {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get editors(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** The survey as a whole: who is not in it and was only connected is gone from the connections, and stays known as away. */
  surveyed(editors: readonly SurveyedEditor[]): void {
    const named = new Set(editors.map(({ editor }) => editor));
    for (const { editor, source, instance, connected, reason } of editors) {
      const known = this.#of(editor);
      Object.assign(known, { source, instance, reason });
      known.connected = connected === undefined ? 'unknown' : connected ? 'ready' : 'away';
      if (connected) known.lastSeenMs = this.#clock.nowMs();
      this.#judge(known);
    }
    for (const [editor, known] of this.#known) {
      if (named.has(editor)) continue;
      // Removed from the registry, and no connection has that name: nobody names it any more.
      if (known.source === 'registry' || known.source === 'configuration') this.#known.delete(editor);
      else if (known.connected === 'ready') {
        Object.assign(known, { connected: 'away', reason: 'it is not connected any more' });
        this.#judge(known);
      }
    }
  }

  /** A lane waits for its editor, with the reason, or goes on. */
  holding(editor: string, reason: string | undefined): void {
    const known = this.#of(editor);
    known.held = reason;
    if (reason === undefined) this.called(editor);
    this.#judge(known);
  }

  /** The editor answered a call. */
  called(editor: string): void {
    const known = this.#of(editor);
    known.lastSeenMs = this.#clock.nowMs();
    if (known.connected === 'unknown') known.connected = 'ready';
    this.#judge(known);
  }

  /** Undefined: nobody has named it, and nothing was sent to it. */
  of(editor: string): Pick<EditorLive, 'source' | 'instance' | 'health' | 'lastSeenAt'> | undefined {
    const known = this.#known.get(editor);
    if (!known) return undefined;
    const { source, instance, state, held, reason, sinceMs, lastSeenMs } = known;
    return {
      ...{ source, instance },
      health: { state, reason: state === 'ready' ? null : (held ?? reason), since: isoOf(sinceMs) },
      lastSeenAt: isoOf(lastSeenMs),
    };
  }

  /** Of an editor that only commands name, once it has nothing to do. */
  forget(editor: string): void {
    if (this.#known.get(editor)?.source === 'commands') this.#known.delete(editor);
  }

  /** Who is there, by name: for people who have misspelt one. */
  connected(): string[] {
    return [...this.#known].filter(([, { connected }]) => connected === 'ready').map(([editor]) => editor);
  }

  #of(editor: string): Known {
    const known = this.#known.get(editor);
    if (known) return known;
    const fresh: Known = {
      ...{ source: 'commands', instance: null, connected: 'unknown', reason: null, held: undefined },
      ...{ state: 'unknown', sinceMs: null, lastSeenMs: null },
    };
    this.#known.set(editor, fresh);
    return fresh;
  }

  #judge(known: Known): void {
    const state = known.held === undefined ? known.connected : 'away';
    if (state === known.state) return;
    known.state = state;
    known.sinceMs = this.#clock.nowMs();
  }
}

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

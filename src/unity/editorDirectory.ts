import type { Clock } from '../core/clock.js';
import { cleanText } from './cleanText.js';
import type { Instances } from './instances.js';
import type { ConfiguredEditor } from './parseUnityEditors.js';

/** Where an editor of SPARK is found. */
export interface EditorPlace {
  /** `Name@hash`. */
  readonly instance: string;
  /** Absolute, or null when this machine cannot read it. */
  readonly projectFolder: string | null;
  /** The MCP endpoint, e.g. `http://127.0.0.1:8080/mcp`. */
  readonly serverUrl: string;
}

export type PlaceAnswer =
  | { readonly kind: 'found'; readonly place: EditorPlace }
  | { readonly kind: 'away'; readonly reason: string; readonly retryAfterMs: number };

/** Asked for editors that configuration does not name (the embedded simulator's `/sim/editors` stands behind it). Null: unknown. */
export type EditorResolver = (editor: string, signal: AbortSignal) => Promise<EditorPlace | null>;

export interface DirectoryOptions {
  readonly serverUrl: string;
  readonly editors: readonly ConfiguredEditor[];
  readonly resolve: EditorResolver | null;
  readonly listInstances: (signal: AbortSignal) => Promise<Instances>;
  readonly clock: Clock;
}

/** How long a place found by asking is believed. Configured ones are believed always. */
const CACHE_MS = 5_000;
const RETRY_MS = 1_000;
export const DEFAULT_EDITOR = 'default';

/**
 * Editor name → Unity instance and project folder: configuration, then the resolver, then the one connected project of that
 * name. `default` is the only instance there is, as long as nothing is configured and it is the only one. Anything else is
 * "away": a command must never land in another project because the right one is closed.
 */
export class EditorDirectory {
  private readonly options: DirectoryOptions;
  private readonly configured = new Map<string, PlaceAnswer & { readonly kind: 'found' }>();
  private readonly found = new Map<string, { readonly answer: PlaceAnswer; readonly untilMs: number }>();

  constructor(options: DirectoryOptions) {
    this.options = options;
    for (const { editor, instance, projectFolder } of options.editors) {
      const place = { instance, projectFolder, serverUrl: options.serverUrl };
      this.configured.set(editor, { kind: 'found', place });
    }
  }

  /** Cheap when known: neither waits nor asks. */
  async place(editor: string, signal: AbortSignal): Promise<PlaceAnswer> {
    const configured = this.configured.get(editor);
    if (configured) return configured;
    const cached = this.found.get(editor);
    if (cached && this.options.clock.monotonicMs() < cached.untilMs) return cached.answer;
    const answer = await this.ask(editor, signal);
    if (answer.kind === 'found') {
      this.found.set(editor, { answer, untilMs: this.options.clock.monotonicMs() + CACHE_MS });
    }
    return answer;
  }

  /** The server does not know the instance (any more): ask again next time. */
  forget(editor: string): void {
    this.found.delete(editor);
  }

  private async ask(editor: string, signal: AbortSignal): Promise<PlaceAnswer> {
    const { resolve, serverUrl } = this.options;
    try {
      const place = await resolve?.(editor, signal);
      if (place) return { kind: 'found', place };
    } catch (error) {
      signal.throwIfAborted();
      return away(`where editor "${editor}" is could not be asked: ${cleanText(String(error))}`);
    }
    const instances = await this.options.listInstances(signal);
    if (instances.kind === 'away') return away(instances.reason);
    if (instances.kind === 'absent') {
      return away(`editor "${editor}" is not configured, and the MCP server does not list its editors`);
    }
    const chosen = chooseInstance(editor, instances.ids, this.configured.size === 0);
    return typeof chosen === 'string'
      ? away(chosen)
      : { kind: 'found', place: placeOf(chosen.instance, serverUrl) };
  }
}

function placeOf(instance: string, serverUrl: string): EditorPlace {
  return { instance, projectFolder: null, serverUrl };
}

function away(reason: string): PlaceAnswer {
  return { kind: 'away', reason, retryAfterMs: RETRY_MS };
}

/** The instance meant by a name, or why none is. Pure. */
export function chooseInstance(
  editor: string,
  ids: readonly string[],
  nothingConfigured: boolean,
): { readonly instance: string } | string {
  const named = ids.filter((id) => id.slice(0, id.lastIndexOf('@')) === editor);
  const [only] = named;
  if (only !== undefined && named.length === 1) return { instance: only };
  if (named.length > 1)
    return `${named.length} connected projects are named "${editor}": configure which one is meant`;
  const [sole] = ids;
  if (editor === DEFAULT_EDITOR && nothingConfigured && sole !== undefined) {
    if (ids.length === 1) return { instance: sole };
    return `${ids.length} Unity editors are connected: configure which one is "${DEFAULT_EDITOR}"`;
  }
  const there = ids.length === 0 ? 'none is' : ids.map((id) => cleanText(id, 80)).join(', ');
  return `no connected Unity project is named "${editor}" (connected: ${there})`;
}

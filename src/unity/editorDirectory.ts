import type { EditorEntry } from '../commands/editorEntry.js';
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
  /** The registry as it is now: looked at each time, so that a change counts at once. */
  readonly registry?: ReadonlyMap<string, EditorEntry>;
  /** MCP servers besides `serverUrl` that a registered editor may be on: they come from configuration only. */
  readonly furtherUrls?: readonly string[];
  readonly resolve: EditorResolver | null;
  readonly listInstances: (signal: AbortSignal, serverUrl: string) => Promise<Instances>;
  readonly clock: Clock;
}

/** How long a place found by asking is believed. Configured ones are believed always. */
const CACHE_MS = 5_000;
const RETRY_MS = 1_000;
export const DEFAULT_EDITOR = 'default';

/**
 * Editor name → Unity instance and project folder: configuration, then the registry, then the resolver, then the one connected project
 * of that name. `default` is the only instance there is, as long as nothing is configured and it is the only one. Anything else is
 * "away": a command must never land in another project because the right one is closed.
 */
export class EditorDirectory {
  private readonly options: DirectoryOptions;
  private readonly configured = new Map<string, PlaceAnswer & { readonly kind: 'found' }>();
  private readonly found = new Map<string, { readonly answer: PlaceAnswer; readonly untilMs: number }>();
  /** The instance an editor was once taken for by its name: as long as this process lives it is never another one. */
  private readonly taken = new Map<string, string>();

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
    const entry = this.options.registry?.get(editor);
    const serverUrl = (entry?.registered ? entry.mcpUrl : null) ?? this.options.serverUrl;
    if (!this.allows(serverUrl))
      return away(`the MCP server of editor "${editor}" is not in the configuration (UNITY_MCP_URLS)`);
    if (entry?.registered && entry.instance !== null) {
      const { instance, projectFolder } = entry;
      return { kind: 'found', place: { instance, projectFolder, serverUrl } };
    }
    const key = keyOf(editor, serverUrl);
    const cached = this.found.get(key);
    if (cached && this.options.clock.monotonicMs() < cached.untilMs) return cached.answer;
    const answer = await this.ask(editor, serverUrl, signal);
    if (answer.kind === 'found') {
      this.found.set(key, { answer, untilMs: this.options.clock.monotonicMs() + CACHE_MS });
    }
    return answer;
  }

  /** Service URLs come from configuration only, whatever an entry of the registry says. */
  allows(serverUrl: string): boolean {
    return serverUrl === this.options.serverUrl || (this.options.furtherUrls ?? []).includes(serverUrl);
  }

  /** The server does not know the instance (any more): ask again next time. */
  forget(editor: string): void {
    for (const url of [this.options.serverUrl, ...(this.options.furtherUrls ?? [])])
      this.found.delete(keyOf(editor, url));
  }

  private async ask(editor: string, serverUrl: string, signal: AbortSignal): Promise<PlaceAnswer> {
    const { resolve } = this.options;
    try {
      const place = serverUrl === this.options.serverUrl ? await resolve?.(editor, signal) : null;
      if (place) return { kind: 'found', place };
    } catch (error) {
      signal.throwIfAborted();
      return away(`where editor "${editor}" is could not be asked: ${cleanText(String(error))}`);
    }
    const instances = await this.options.listInstances(signal, serverUrl);
    if (instances.kind === 'away') return away(instances.reason);
    if (instances.kind === 'absent') {
      return away(`editor "${editor}" is not configured, and the MCP server does not list its editors`);
    }
    const key = keyOf(editor, serverUrl);
    const taken = this.taken.get(key);
    if (taken !== undefined && !instances.ids.includes(taken)) return away(goneReason(editor, taken));
    const chosen = taken ?? chooseInstance(editor, instances.ids, this.configured.size === 0);
    if (typeof chosen !== 'string') return away(chosen.unclear);
    this.taken.set(key, chosen);
    return { kind: 'found', place: { instance: chosen, projectFolder: null, serverUrl } };
  }
}

const keyOf = (editor: string, serverUrl: string): string => `${editor} ${serverUrl}`;

/** While the one project reloads, another may be the only one connected: it must not be taken for it. */
function goneReason(editor: string, instance: string): string {
  return `editor "${editor}" is Unity instance "${cleanText(instance, 100)}", which is not connected`;
}

function away(reason: string): PlaceAnswer {
  return { kind: 'away', reason, retryAfterMs: RETRY_MS };
}

/** The instance meant by a name, or why none is. Pure. */
export function chooseInstance(
  editor: string,
  ids: readonly string[],
  nothingConfigured: boolean,
): string | { readonly unclear: string } {
  const named = ids.filter((id) => id.slice(0, id.lastIndexOf('@')) === editor);
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  if (named.length > 1) {
    return {
      unclear: `${named.length} connected projects are named "${editor}": configure which one is meant`,
    };
  }
  const [sole] = ids;
  if (editor === DEFAULT_EDITOR && nothingConfigured && sole !== undefined) {
    if (ids.length === 1) return sole;
    return {
      unclear: `${ids.length} Unity editors are connected: configure which one is "${DEFAULT_EDITOR}"`,
    };
  }
  const there = ids.length === 0 ? 'none is' : ids.map((id) => cleanText(id, 80)).join(', ');
  return { unclear: `no connected Unity project is named "${editor}" (connected: ${there})` };
}

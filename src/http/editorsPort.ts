import type { EditorEntry } from '../commands/editorEntry.js';

/** What the worker knows of an editor right now. Times are ISO 8601 in UTC. */
export interface EditorLive {
  readonly editor: string;
  /** Who names it besides the registry: `UNITY_EDITORS`, its connection to the MCP server, or only commands sent to it. */
  readonly source: 'configuration' | 'registry' | 'connection' | 'commands';
  /** Where it is found now. */
  readonly instance: string | null;
  readonly health: {
    /** `unknown`: nobody has looked yet, or its MCP server cannot tell. */
    readonly state: 'ready' | 'away' | 'unknown';
    readonly reason: string | null;
    readonly since: string | null;
  };
  /** When it last was connected or answered a call. */
  readonly lastSeenAt: string | null;
  /** What it is working on. */
  readonly current: {
    readonly commandId: string;
    readonly type: string;
    readonly sessionId: string;
    readonly since: string;
  } | null;
  /** Commands that wait: in the worker's memory, and parked. */
  readonly queue: { readonly memory: number; readonly parked: number };
  readonly build: { readonly commandId: string; readonly since: string } | null;
}

export interface EditorsAnswer {
  readonly editors: readonly EditorLive[];
}

/** Said by the worker when something of `EditorLive` has changed, at most four times a second. */
export interface EditorsChanged {
  readonly changed: readonly string[];
  /** Every editor that it knows. */
  readonly known: readonly string[];
}

/** An editor as `UNITY_EDITORS` names it. */
export interface ConfiguredPlace {
  readonly editor: string;
  readonly instance: string;
  readonly projectFolder: string | null;
}

/** The editors as HTTP needs them; roles/ingest.ts joins them. */
export interface EditorsPort {
  readonly entries: ReadonlyMap<string, EditorEntry>;
  readonly configured: readonly ConfiguredPlace[];
  /** MCP servers that an editor may be registered on; the first is the default. */
  readonly mcpUrls: readonly string[];
  /** Stores what `decide` makes of the entry that is stored now; null removes it. Rejects when the registry is out of reach. */
  change(
    editor: string,
    decide: (before: EditorEntry | undefined) => EditorEntry | null,
  ): Promise<{ readonly before: EditorEntry | undefined; readonly after: EditorEntry | null }>;
  /** The worker's word on all editors; undefined when none answers. */
  live(): Promise<EditorsAnswer | undefined>;
  /** Calls back with the editors of which something has changed: an entry, or what the worker told; undefined: perhaps all. */
  onChange(listener: (changed: readonly string[] | undefined) => void): void;
  /** Whether anybody knows an editor of that name; true as long as nobody can say. From memory: asked with each submit. */
  known(editor: string): boolean;
}

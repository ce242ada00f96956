import type { Config } from '../config.js';
import type { EditorsPort } from '../http/editorsPort.js';
import type { WorkerQueries } from '../http/ports.js';
import { type NatsConnection, onReconnect } from '../streams/connection.js';
import type { EditorRegistry } from '../streams/editorRegistry.js';
import { onEditorsChanged } from '../streams/workerRpc.js';
import type { RoleContext } from './context.js';

/** MCP servers besides the default one that an editor may be registered on. */
export function furtherUrlsOf(config: Config): readonly string[] {
  return (config.UNITY_MCP_URLS ?? '').split(',').flatMap((url) => url.trim() || []);
}

/** The editors for HTTP: the registry's memory, what is configured, and what the worker tells. */
export function createEditorsPort(
  { parts, config }: RoleContext,
  nc: NatsConnection,
  registry: EditorRegistry,
  queries: WorkerQueries,
): EditorsPort {
  const listeners: ((changed: readonly string[] | undefined) => void)[] = [];
  const tell = (changed: readonly string[] | undefined) => {
    for (const listener of listeners) listener(changed);
  };
  const configured = new Set(parts.unity.editors.map(({ editor }) => editor));
  /** Undefined: no worker has told yet. */
  let named: ReadonlySet<string> | undefined;
  const learn = (known: readonly string[]) => {
    named = new Set(known);
  };
  registry.onChange((editor) => tell([editor]));
  onEditorsChanged(nc, ({ changed, known }) => {
    learn(known);
    tell(changed);
  });
  // What was told meanwhile is lost.
  onReconnect(nc, () => tell(undefined));
  const { entries } = registry;
  return {
    entries,
    configured: parts.unity.editors,
    mcpUrls: [parts.unity.mcpUrl, ...furtherUrlsOf(config)],
    change: (editor, decide) => registry.change(editor, decide),
    live: async () => {
      const answer = await queries.editors();
      if (answer) learn(answer.editors.flatMap((one) => (one.source === 'commands' ? [] : one.editor)));
      return answer;
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
    known: (editor) =>
      named === undefined ||
      named.has(editor) ||
      configured.has(editor) ||
      entries.get(editor)?.registered === true,
  };
}

import type { EditorEntry } from '../commands/editorEntry.js';
import { isToken } from '../core/ids.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';
import { cleanText } from './cleanText.js';
import { chooseInstance, DEFAULT_EDITOR } from './editorDirectory.js';
import type { Instances } from './instances.js';
import type { ConfiguredEditor } from './parseUnityEditors.js';

/** Who is there, from what each MCP server lists. Pure. */
export function surveyOf(given: {
  readonly serverUrl: string;
  readonly configured: readonly ConfiguredEditor[];
  readonly entries: readonly EditorEntry[];
  readonly listed: ReadonlyMap<string, Instances>;
}): SurveyedEditor[] {
  const { serverUrl, configured, listed } = given;
  const found = new Map<string, SurveyedEditor>();
  for (const { editor, instance } of configured)
    found.set(editor, { editor, source: 'configuration', ...fixed(instance, listed.get(serverUrl)) });
  const nothingConfigured = configured.length === 0;
  for (const { editor, registered, instance, mcpUrl } of given.entries) {
    if (!registered || found.has(editor)) continue;
    const there = listed.get(mcpUrl ?? serverUrl);
    const state = instance === null ? named(editor, there, nothingConfigured) : fixed(instance, there);
    found.set(editor, { editor, source: 'registry', ...state });
  }
  const here = listed.get(serverUrl);
  const ids = here?.kind === 'known' ? here.ids : [];
  for (const editor of [...ids.map((id) => id.slice(0, id.lastIndexOf('@'))), DEFAULT_EDITOR]) {
    if (!isToken(editor) || found.has(editor)) continue;
    const state = named(editor, here, nothingConfigured);
    // Nobody has asked for an editor called "default": it is shown when there is one.
    if (editor === DEFAULT_EDITOR && state.instance === null) continue;
    found.set(editor, { editor, source: 'connection', ...state });
  }
  return [...found.values()];
}

type State = Pick<SurveyedEditor, 'instance' | 'connected' | 'reason'>;

function fixed(instance: string, there: Instances | undefined): State {
  if (there?.kind !== 'known') return { instance, ...untold(there) };
  const connected = there.ids.includes(instance);
  const reason = connected ? null : `Unity instance "${cleanText(instance, 100)}" is not connected`;
  return { instance, connected, reason };
}

function named(editor: string, there: Instances | undefined, nothingConfigured: boolean): State {
  if (there?.kind !== 'known') return { instance: null, ...untold(there) };
  const chosen = chooseInstance(editor, there.ids, nothingConfigured);
  return typeof chosen === 'string'
    ? { instance: chosen, connected: true, reason: null }
    : { instance: null, connected: false, reason: chosen.unclear };
}

function untold(there: Instances | undefined): Omit<State, 'instance'> {
  if (there === undefined)
    return { connected: false, reason: 'its MCP server is not in the configuration (UNITY_MCP_URLS)' };
  if (there.kind === 'away') return { connected: false, reason: there.reason };
  return { connected: undefined, reason: 'the MCP server does not list its editors' };
}

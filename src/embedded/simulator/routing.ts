/** Which editor a call is for: `unity_instance` in the arguments, else the session's choice, else the only one there. */
import { type Answer, instanceSelectionRequired, noUnitySession } from './answers.js';
import type { Editor } from './editor.js';
import type { Session } from './mcp-sessions.js';
import type { Simulator } from './simulator.js';

export type Route =
  | { readonly kind: 'editor'; readonly editor: Editor }
  /** A business failure. */
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** A failure of the call itself (`isError:true`). */
  | { readonly kind: 'error'; readonly message: string };

export function connectedEditors(simulator: Simulator): Editor[] {
  return [...simulator.editors.values()].filter((editor) => !editor.away);
}

/** Finds an instance among those connected by `Name@hash` or a prefix of the hash. */
export function findInstance(simulator: Simulator, wanted: string): Route {
  const value = wanted.trim();
  if (value === '') return { kind: 'error', message: 'unity_instance value must not be empty.' };
  const connected = connectedEditors(simulator);
  const available = connected.map((editor) => editor.instance).join(', ') || 'none';
  const hint = `Available: ${available}. Read mcpforunity://instances for current sessions.`;
  if (value.includes('@')) {
    const exact = connected.find((editor) => editor.instance === value);
    if (exact !== undefined) return { kind: 'editor', editor: exact };
    return { kind: 'error', message: `Instance '${value}' not found. ${hint}` };
  }
  const matches = connected.filter((editor) => editor.hash.startsWith(value.toLowerCase()));
  const [first] = matches;
  if (matches.length === 1 && first !== undefined) return { kind: 'editor', editor: first };
  if (first === undefined)
    return { kind: 'error', message: `No running Unity instance matches '${value}'. ${hint}` };
  const ids = matches.map((editor) => editor.instance).join(', ');
  return {
    kind: 'error',
    message: `Hash prefix '${value}' is ambiguous (${ids}). Provide the full Name@hash from mcpforunity://instances.`,
  };
}

/**
 * The editor for a call without `unity_instance`. Blocks while that editor is away, as the real server does: a read
 * then goes through when it is back in time, a script mutation is told `no_unity_session` either way.
 */
export async function routeBySession(
  simulator: Simulator,
  session: Session,
  mutatesScripts: boolean,
): Promise<Route> {
  const chosen = chooseFor(simulator, session);
  if (chosen.kind !== 'editor') return chosen;
  const { editor } = chosen;
  if (!editor.away) return chosen;
  const { awayMutationWaitMs, awayReadWaitMs } = simulator.options;
  const back = await editor.whenBack(mutatesScripts ? awayMutationWaitMs : awayReadWaitMs);
  if (mutatesScripts || !back) return { kind: 'answer', answer: noUnitySession() };
  return chosen;
}

function chooseFor(simulator: Simulator, session: Session): Route {
  const all = [...simulator.editors.values()];
  const active = all.find((editor) => editor.instance === session.activeInstance);
  if (active !== undefined) return { kind: 'editor', editor: active };
  const connected = all.filter((editor) => !editor.away);
  if (connected.length > 1) {
    return { kind: 'answer', answer: instanceSelectionRequired(connected.map((editor) => editor.instance)) };
  }
  const [only] = connected.length === 1 ? connected : all;
  if (only === undefined) return { kind: 'answer', answer: noUnitySession() };
  if (connected.length === 1) session.activeInstance = only.instance;
  return { kind: 'editor', editor: only };
}

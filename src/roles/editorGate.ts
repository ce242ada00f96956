import type { EditorEntry } from '../commands/editorEntry.js';
import type { FenceStore } from '../unity/fenceStore.js';
import { createEditorGate, type UnityEditorGate } from '../unity/gate.js';
import type { GateOptions } from '../unity/gateOptions.js';
import type { Circuits } from './circuits.js';
import type { RoleContext } from './context.js';
import { furtherUrlsOf } from './editors.js';

/** The gate in front of the configured and registered editors, wherever it runs; its calls are counted there. */
export function openEditorGate(
  { parts, clock, metrics, config }: RoleContext,
  circuits: Circuits,
  registry: ReadonlyMap<string, EditorEntry>,
  own: { readonly fenceStore: FenceStore } & Pick<GateOptions, 'onCall' | 'startSuspect'>,
): UnityEditorGate {
  return createEditorGate({
    serverUrl: parts.unity.mcpUrl,
    clock,
    ...(parts.unity.token ? { auth: { bearer: parts.unity.token, apiKey: parts.unity.token } } : {}),
    editors: parts.unity.editors,
    ...(parts.unity.resolve ? { resolve: parts.unity.resolve } : {}),
    registry,
    furtherUrls: furtherUrlsOf(config),
    circuitOf: (url) => circuits.ofUnity(url),
    timeouts: {
      readMs: config.UNITY_READ_TIMEOUT_MS,
      renderMs: config.UNITY_RENDER_TIMEOUT_MS,
      buildStartMs: config.UNITY_BUILD_START_TIMEOUT_MS,
      mutationMs: config.UNITY_MUTATION_TIMEOUT_MS,
    },
    ...own,
    onCall: (call) => {
      own.onCall?.(call);
      const { tool, outcome, durationMs } = call;
      metrics.inc('spark_editor_calls_total', { tool, answer: outcome });
      metrics.observe('spark_editor_call_duration_seconds', { tool }, durationMs / 1_000);
    },
  });
}

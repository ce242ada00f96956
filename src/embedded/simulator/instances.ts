/** What the server tells about its editors: the instance list, the choice of one, an editor's state. */
import { type Answer, type Data, noUnitySession, serverFailure } from './answers.js';
import type { Editor } from './editor.js';
import type { Session } from './mcp-sessions.js';
import { guidOf } from './meta-files.js';
import { UNITY_VERSION } from './project.js';
import { connectedEditors, findInstance, routeBySession } from './routing.js';
import type { Simulator } from './simulator.js';

/** The list as `GET /api/instances` gives it; an editor that is away is not in it. */
export function restInstances(simulator: Simulator): Data {
  return { success: true, instances: connectedEditors(simulator).map(describe) };
}

/** The list as the resource `mcpforunity://instances` gives it. */
export function listInstances(simulator: Simulator): Data {
  const instances = connectedEditors(simulator).map((editor) => ({
    id: editor.instance,
    name: editor.name,
    ...describe(editor),
  }));
  return { success: true, transport: 'http', instance_count: instances.length, instances };
}

function describe(editor: Editor): Data {
  return {
    session_id: editor.unitySessionId,
    project: editor.name,
    hash: editor.hash,
    unity_version: UNITY_VERSION,
    connected_at: editor.connectedAt.toISOString(),
  };
}

export function setActiveInstance(simulator: Simulator, session: Session, instance: string): Answer {
  if (connectedEditors(simulator).length === 0) {
    return {
      success: false,
      error: "No Unity instances are currently connected. Start Unity and press 'Start Session'.",
    };
  }
  const found = findInstance(simulator, instance);
  if (found.kind !== 'editor') {
    const message = found.kind === 'error' ? found.message : 'Instance not found.';
    return { success: false, error: message };
  }
  session.activeInstance = found.editor.instance;
  return {
    success: true,
    message: `Active instance set to ${found.editor.instance}`,
    data: { instance: found.editor.instance, session_id: session.id },
  };
}

/** The resource `mcpforunity://editor/state`; reading it needs no turn on the editor's main thread. */
export async function editorState(simulator: Simulator, session: Session): Promise<Answer> {
  const route = await routeBySession(simulator, session, false);
  if (route.kind === 'answer') return route.answer;
  if (route.kind === 'error') return serverFailure(route.message, 'retry');
  const { editor } = route;
  if (editor.away) return noUnitySession();
  const running = [...editor.memory.tests.values()].find((job) => job.finishedAt === undefined);
  const blocking = running === undefined ? [] : ['running_tests'];
  const ready = blocking.length === 0;
  return {
    success: true,
    message: 'Retrieved editor state.',
    data: {
      schema_version: 'unity-mcp/editor_state@2',
      observed_at_unix_ms: simulator.options.now().getTime(),
      sequence: simulator.effects.last(),
      unity: {
        instance_id: editor.instance,
        unity_version: UNITY_VERSION,
        project_id: editor.hash,
        platform: 'LinuxEditor',
      },
      editor: {
        is_focused: true,
        play_mode: { is_playing: false, is_paused: false, is_changing: false },
        active_scene: {
          path: editor.activeScene,
          guid: guidOf(`${editor.root}/${editor.activeScene}`) ?? '',
        },
      },
      compilation: { is_compiling: false, is_domain_reload_pending: false },
      tests: { is_running: running !== undefined, current_job_id: running?.id ?? null },
      transport: { unity_bridge_connected: true },
      settings: { batch_execute_max_commands: 25 },
      advice: {
        ready_for_tools: ready,
        blocking_reasons: blocking,
        recommended_retry_after_ms: ready ? 0 : 500,
        recommended_next_action: ready ? 'none' : 'retry_later',
      },
      staleness: { age_ms: 0, is_stale: false },
    },
  };
}

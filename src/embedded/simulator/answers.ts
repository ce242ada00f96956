/**
 * The JSON bodies a Unity tool answers with. Shapes as seen on CoplayDev's server 10.1: a business failure is an
 * ordinary answer (`isError:false` on MCP) whose `success` is false; failures made by the editor carry `code` equal
 * to `error`, failures made by the server in front of it carry `hint` and `data` instead.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Data = { readonly [key: string]: Json };

export type Answer = Data & { readonly success: boolean };

/** A tool's answer, with the picture a screenshot carries beside the text. */
export interface ToolReply {
  readonly answer: Answer;
  readonly png?: Buffer;
}

export function succeeded(message: string, data?: Data): Answer {
  return data === undefined ? { success: true, message } : { success: true, message, data };
}

/** A failure reported by the editor: `error` is a slug or a sentence, and `code` repeats it. */
export function failed(error: string, data: Data | null = null): Answer {
  return { success: false, code: error, error, data };
}

/** A refusal decided before the editor is asked: the slug in `code`, the sentence in `message`. */
export function refused(code: string, message: string): Answer {
  return { success: false, code, error: code, message };
}

/** A failure reported by the server in front of the editor. */
export function serverFailure(error: string, hint: string, data: Data | null = null): Answer {
  return { success: false, error, hint, data };
}

export function noUnitySession(reason: 'no_unity_session' | 'stale_connection' = 'no_unity_session'): Answer {
  return serverFailure('Unity session not available; please retry', 'retry', { reason, retry_after_ms: 250 });
}

export function busy(reason: 'compiling' | 'tests_running', retryAfterMs: number): Answer {
  return {
    success: false,
    error: 'busy',
    message: reason,
    hint: 'retry',
    data: { reason, retry_after_ms: retryAfterMs },
  };
}

export function disconnected(unitySessionId: string): Answer {
  return serverFailure(
    `Unity plugin session ${unitySessionId} disconnected while awaiting command_result`,
    'retry',
  );
}

export function timedOut(): Answer {
  return serverFailure('TimeoutError', 'retry');
}

export function instanceSelectionRequired(available: readonly string[]): Answer {
  const listed = available.map((id) => `'${id}'`).join(', ');
  return serverFailure(
    'Multiple Unity instances are connected. Call set_active_instance with Name@hash from ' +
      `mcpforunity://instances. Available instances: [${listed}].`,
    'select_instance',
    { reason: 'instance_selection_required', available_instances: available },
  );
}

import type { EditorEntry } from '../commands/editorEntry.js';
import type { Clock } from '../core/clock.js';
import type { CircuitBreaker } from '../resilience/circuitBreaker.js';
import type { Answer } from '../workers/editor.js';
import type { CallTimeouts } from './editorAccess.js';
import type { EditorResolver } from './editorDirectory.js';
import type { FenceStore } from './fenceStore.js';
import type { ConfiguredEditor } from './parseUnityEditors.js';
import type { UnityAuth } from './unityServer.js';

export interface GateOptions {
  /** The MCP endpoint of editors that are not found elsewhere, e.g. `http://127.0.0.1:8080/mcp`. */
  readonly serverUrl: string;
  readonly clock: Clock;
  readonly auth?: UnityAuth;
  /** `UNITY_EDITORS`, parsed. */
  readonly editors?: readonly ConfiguredEditor[];
  readonly resolve?: EditorResolver;
  /** The editors registry as it is now; entries count only on `serverUrl` and `furtherUrls`. */
  readonly registry?: ReadonlyMap<string, EditorEntry>;
  readonly furtherUrls?: readonly string[];
  /** Default: in memory only. */
  readonly fenceStore?: FenceStore;
  readonly timeouts?: Partial<CallTimeouts>;
  /** MCP calls at once per server; default 10. */
  readonly maxConnections?: number;
  /** For a gate that its callers outlive: what an earlier one sent may still run, so each editor is drained before its first call. */
  readonly startSuspect?: boolean;
  /** The circuit breaker in front of a server; absent: none. */
  readonly circuitOf?: (url: string) => CircuitBreaker;
  /** Told of every mutation and render, for metrics. Must not throw. */
  readonly onCall?: (call: GateCallReport) => void;
}

export interface GateCallReport {
  readonly editor: string;
  readonly tool: string;
  readonly outcome: Answer['kind'];
  readonly durationMs: number;
}

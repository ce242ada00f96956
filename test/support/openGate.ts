import { systemClock } from '../../src/core/clock.js';
import { GateClient, type GateClientOptions } from '../../src/gate/gateClient.js';
import { createGateServer, type GateServer, type GateServerOptions } from '../../src/gate/gateServer.js';
import { createLogger } from '../../src/observability/logger.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { createEditorGate } from '../../src/unity/gate.js';
import type { GateOptions } from '../../src/unity/gateOptions.js';
import type { EditorGate } from '../../src/workers/editor.js';
import type { SurveyedEditor } from '../../src/workers/editorsPort.js';

/** What a worker holds: a gate of its own process, or one that is called over HTTP. */
export interface OpenGate extends EditorGate {
  survey(signal: AbortSignal): Promise<SurveyedEditor[]>;
  stop(): Promise<void>;
}

export type GateOpener = (options: GateOptions) => Promise<OpenGate>;

export const openLocalGate: GateOpener = async (options) => createEditorGate(options);

export const GATE_TOKEN = 'a-token-of-the-gate-0123456789';
export const GATE_ID = 'gate-of-this-test';

/** The HTTP side of a gate in this process, on a free port. */
export async function serveGate(
  gate: GateServerOptions['gate'],
  over: Partial<GateServerOptions> = {},
): Promise<GateServer> {
  const server = createGateServer({
    host: '127.0.0.1',
    port: 0,
    gate,
    identity: GATE_ID,
    authorized: (header) => header === `Bearer ${GATE_TOKEN}`,
    hostAllowed: () => true,
    local: () => true,
    checks: async () => ({ status: 'ok' }),
    metrics: createMetrics(),
    logger: createLogger({ level: 'fatal' }),
    clock: systemClock,
    drainMs: 1_000,
    ...over,
  });
  await server.start();
  server.serve();
  return server;
}

export function clientOf(url: string, over: Partial<GateClientOptions> = {}): GateClient {
  return new GateClient({ url, token: GATE_TOKEN, identity: GATE_ID, clock: systemClock, ...over });
}

/** The same gate behind HTTP, and a client of it. */
export const openRemoteGate: GateOpener = async (options) => {
  const gate = createEditorGate(options);
  const server = await serveGate(gate);
  const client = clientOf(server.address().url);
  return Object.assign(client, {
    stop: async () => {
      await GateClient.prototype.stop.call(client);
      await server.stop();
      await gate.stop();
    },
  });
};

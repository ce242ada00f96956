import { bounded } from '../core/bounded.js';
import { pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import { createGateServer, type GateServer } from '../gate/gateServer.js';
import { createAuthenticator, grantOf } from '../http/auth.js';
import { createHostGuard, isLoopback } from '../http/hostGuard.js';
import { Readiness } from '../http/readiness.js';
import { connectRole } from '../streams/connection.js';
import { EditorRegistry } from '../streams/editorRegistry.js';
import { fileFenceStore } from '../unity/fenceStore.js';
import { Circuits } from './circuits.js';
import type { RoleContext } from './context.js';
import { openEditorGate } from './editorGate.js';
import { gateIdentity, tokenOfGate } from './gateState.js';

const STOP_STEP_MS = 1_500;
const REGISTRY_RETRY_MS = 1_000;

export interface GateRole extends Service {
  address(): ReturnType<GateServer['address']>;
}

/**
 * The gate as a process of its own, for any number of workers. It keeps nothing but its fences (in `stateDir`, which must be its alone);
 * NATS only tells it of registered editors, and it reads nothing else there.
 */
export async function createGateRole(context: RoleContext): Promise<GateRole> {
  const { parts, clock, logger, metrics, config, stateDir } = context;
  const nc = await connectRole('gate', parts.nats.url, parts.nats.credentials('gate'));
  const circuits = new Circuits(context);
  const registry = new EditorRegistry(nc, clock);
  const gate = openEditorGate(context, circuits, registry.entries, {
    fenceStore: fileFenceStore(stateDir),
    startSuspect: true,
  });
  let loaded = false;
  const abort = new AbortController();
  const authenticate = createAuthenticator([grantOf('worker', tokenOfGate(config, stateDir))]);
  const readiness = new Readiness(
    [
      { name: 'registry', check: async () => ({ ok: loaded, detail: registryDetail(loaded, registry) }) },
      circuits.check,
    ],
    clock,
  );
  const server = createGateServer({
    host: config.SPARK_GATE_HOST,
    port: config.SPARK_GATE_PORT,
    gate,
    identity: gateIdentity(stateDir),
    authorized: (header) => authenticate(header) !== undefined,
    hostAllowed: createHostGuard(config.SPARK_GATE_HOST, []),
    local: isLoopback,
    checks: () => readiness.report(),
    ...{ metrics, logger, clock },
    drainMs: config.MCP_DRAIN_MS,
  });
  return {
    name: 'gate',
    address: () => server.address(),
    start: async () => {
      if (loaded) return;
      await server.start();
      // An editor that is registered must not be taken for another one: nothing is called before all of them are known.
      await untilLoaded(registry, context, abort.signal);
      loaded = true;
      server.serve();
    },
    stop: async () => {
      abort.abort();
      await bounded(clock, config.MCP_DRAIN_MS + STOP_STEP_MS, server.stop());
      await bounded(clock, STOP_STEP_MS, gate.stop());
      await bounded(clock, STOP_STEP_MS, registry.stop());
      await bounded(clock, STOP_STEP_MS, nc.close());
    },
  };
}

const registryDetail = (loaded: boolean, { entries }: EditorRegistry): string =>
  loaded ? `${entries.size} editors registered or paused` : 'the editors registry has not been read yet';

/** The bucket is made by whichever other role starts first. */
async function untilLoaded(
  registry: EditorRegistry,
  { clock, logger }: RoleContext,
  signal: AbortSignal,
): Promise<void> {
  let told = '';
  while (!signal.aborted) {
    try {
      return await registry.start();
    } catch (error) {
      if (messageOf(error) !== told)
        logger.warn(
          { error: messageOf(error) },
          'the editors registry cannot be read yet; the gate waits for it',
        );
      told = messageOf(error);
      await pause(clock, REGISTRY_RETRY_MS, signal);
    }
  }
}

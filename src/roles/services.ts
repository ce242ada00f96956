import { LIMITS } from '../commands/limits.js';
import { createMediaServices } from '../services/mediaServices.js';
import { ServiceClient } from '../services/serviceClient.js';
import type { MediaServices } from '../workers/servicesPort.js';
import type { Circuits } from './circuits.js';
import type { RoleContext } from './context.js';
import type { ServicePlace } from './parts.js';

/** The worker's clients of CV and ASR; `close` ends what is under way. */
export interface RoleServices {
  readonly services: MediaServices;
  close(): Promise<void>;
}

export function createRoleServices(context: RoleContext, circuits: Circuits): RoleServices {
  const { config, parts } = context;
  const cv = clientOf('cv', parts.services.cv, config.CV_TIMEOUT_MS, LIMITS.cvBytes, context, circuits);
  const asr = clientOf('asr', parts.services.asr, config.ASR_TIMEOUT_MS, LIMITS.asrBytes, context, circuits);
  return {
    services: createMediaServices({ cv, asr }),
    close: async () => {
      await Promise.all([cv?.close(), asr?.close()]);
    },
  };
}

function clientOf(
  name: 'cv' | 'asr',
  place: ServicePlace | undefined,
  timeoutMs: number,
  maxRequestBytes: number,
  { clock, metrics }: RoleContext,
  circuits: Circuits,
): ServiceClient | undefined {
  if (!place) return undefined;
  circuits.opened(name);
  return new ServiceClient({
    endpoint: { name, url: place.url, token: place.token, timeoutMs, maxRequestBytes },
    clock,
    random: Math.random,
    circuit: circuits.limits,
    onState: (endpoint, state) => circuits.changed(endpoint, state),
    onCall: ({ service, call, answer, durationMs }) => {
      metrics.inc('spark_service_calls_total', { service, call, answer });
      metrics.observe('spark_service_call_duration_seconds', { service, call }, durationMs / 1_000);
    },
  });
}

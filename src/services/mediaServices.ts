import type { MediaFile, MediaServices, ServiceAnswer } from '../workers/servicesPort.js';
import { isServiceCall } from './answerSchemas.js';
import { MediaRoom } from './mediaRoom.js';
import type { ServiceClient } from './serviceClient.js';

/** Undefined: not configured. */
export interface ServiceClients {
  readonly cv: ServiceClient | undefined;
  readonly asr: ServiceClient | undefined;
}

const SETTINGS = { cv: 'CV_SERVICE_URL', asr: 'ASR_SERVICE_URL' } as const;

/** The services behind `cv.*` and `asr.*`, by the family of the command. */
export function createMediaServices(clients: ServiceClients): MediaServices {
  const rooms = { cv: new MediaRoom(), asr: new MediaRoom() };
  return {
    withRoom: (type, work, signal) => rooms[familyOf(type)].run(work, signal),
    away: (type) => {
      const circuit = clients[familyOf(type)]?.circuit;
      if (!circuit || circuit.waitMs === 0) return undefined;
      return {
        kind: 'away',
        reason: `the circuit of ${circuit.endpoint} is open`,
        retryAfterMs: circuit.waitMs,
      };
    },
    call: (type, payload, file, signal) => callOf(clients, type, payload, file, signal),
  };
}

async function callOf(
  clients: ServiceClients,
  type: string,
  payload: unknown,
  file: MediaFile,
  signal: AbortSignal,
): Promise<ServiceAnswer> {
  if (!isServiceCall(type)) return refused('unknown_service', `no service stands behind ${type}`);
  const family = familyOf(type);
  const client = clients[family];
  if (!client)
    return refused(
      'service_not_configured',
      `no service is configured for ${type}: set ${SETTINGS[family]} (docs/services.md says what it must answer), or let SPARK_REFERENCE_SERVICES start the ones that come with SPARK`,
    );
  return client.call(type, parametersOf(payload), file, signal);
}

const familyOf = (type: string): keyof ServiceClients => (type.startsWith('cv.') ? 'cv' : 'asr');

/** What the service is told: everything but where the file lies in the project; the file itself is the body. */
function parametersOf(payload: unknown): object {
  if (typeof payload !== 'object' || payload === null) return {};
  return Object.fromEntries(Object.entries(payload).filter(([name]) => name !== 'path' && name !== 'mime'));
}

const refused = (code: string, message: string): ServiceAnswer => ({ kind: 'refused', code, message });

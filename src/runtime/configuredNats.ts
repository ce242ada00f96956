import type { Config } from '../config.js';
import type { Parts } from '../roles/parts.js';
import type { NatsRole } from '../streams/permissions.js';

/** The operator's own servers: each role as its own user where its password is known, the others as `NATS_USER`. */
export function configuredNats(config: Config): Parts['nats'] {
  const own: Readonly<Partial<Record<NatsRole, string | undefined>>> = {
    admin: config.SPARK_NATS_ADMIN_PASSWORD,
    ingest: config.SPARK_NATS_INGEST_PASSWORD,
    worker: config.SPARK_NATS_WORKER_PASSWORD,
    gate: config.SPARK_NATS_GATE_PASSWORD,
    projector: config.SPARK_NATS_PROJECTOR_PASSWORD,
    client: config.SPARK_NATS_CLIENT_PASSWORD,
  };
  const { NATS_USER: user, NATS_PASSWORD: password } = config;
  return {
    url: config.NATS_URL ?? '',
    wsUrl: config.NATS_WS_URL ?? null,
    credentials: (role) => {
      const ownPassword = own[role];
      if (ownPassword !== undefined) return { user: role, password: ownPassword };
      return user === undefined ? undefined : { user, password: password ?? '' };
    },
  };
}

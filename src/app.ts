import { messageOf } from './core/errors.js';
import type { Service } from './core/service.js';
import type { ReadinessCheck } from './http/ports.js';
import { createStatusServer, type StatusServer } from './http/statusServer.js';
import { migrate } from './postgres/migrate.js';
import { createPool } from './postgres/pools.js';
import { setRolePasswords } from './postgres/roles.js';
import { type RoleContext, topologyLimits } from './roles/context.js';
import { createGateRole } from './roles/gate.js';
import { createIngestRole, type IngestRole } from './roles/ingest.js';
import { createProjectorRole } from './roles/projector.js';
import { createWorkerRole, type WorkerRole } from './roles/worker.js';
import { connectRole } from './streams/connection.js';
import { provision } from './streams/provision.js';

export type AppRole = 'ingest' | 'worker' | 'gate' | 'projector';

export interface AppOptions {
  readonly roles: readonly AppRole[];
  readonly token: string;
  readonly httpPort: number;
  readonly progress: (message: string) => void;
}

/** A running SPARK, or the roles of it that were asked for. */
export interface App extends Service {
  /** Where HTTP listens: the API's, or that of a gate alone; undefined without either. */
  address(): { readonly host: string; readonly port: number; readonly url: string } | undefined;
}

/**
 * THE MAP, in flow order:
 *
 *   HTTP, spark.submit ──► ingest ─┐
 *   any NATS client ───────────────┴─► SPARK_COMMANDS ──► worker ──► gate ──► Unity MCP
 *                                                           │ intent, outcome
 *                                                           ▼
 *                          SPARK_IMAGES ◄── bytes ──── SPARK_LOG ──► projector ──► Postgres ──► standby ──► SQL, GET, undo log
 *                                                           └──────► feed ──► SSE, Prefer: wait
 */
export async function createApp(context: RoleContext, options: AppOptions): Promise<App> {
  const { roles } = options;
  await Promise.all([
    // The gate only reads what the others have made, and may do no more.
    roles.some((role) => role !== 'gate') ? prepareStreams(context) : undefined,
    roles.includes('projector') || roles.includes('ingest') ? prepareDatabase(context, options) : undefined,
  ]);
  const gate = roles.includes('gate') ? await createGateRole(context) : undefined;
  const worker = roles.includes('worker') ? await createWorkerRole(context) : undefined;
  const projector = roles.includes('projector') ? await createProjectorRole(context) : undefined;
  const ingest = roles.includes('ingest')
    ? await createIngestRole(context, {
        token: options.token,
        port: options.httpPort,
        checks: [...workerChecks(worker), ...(projector ? [toldOnly(projector.check)] : [])],
      })
    : undefined;
  const checks = [...workerChecks(worker), ...(projector ? [projector.check] : [])];
  const status = ingest || gate ? undefined : createStatus(context, options, checks);
  return appOf([status, worker, projector, gate], ingest, ingest ?? gate ?? status);
}

function appOf(
  behind: readonly (Service | undefined)[],
  ingest: IngestRole | undefined,
  listener: Pick<App, 'address'> | undefined,
): App {
  return {
    name: 'app',
    start: async () => {
      // The way in opens last: whoever can submit finds a worker and read models behind it.
      await Promise.all(behind.map((role) => role?.start()));
      await ingest?.start();
    },
    stop: async () => {
      // The way in closes first; then what runs is finished, recorded and projected.
      await ingest?.stop();
      for (const role of behind) await role?.stop();
    },
    address: () => listener?.address(),
  };
}

/** Streams and consumers that are missing are made; what differs from this build's wishes is told, not changed. */
async function prepareStreams({ parts, config, logger }: RoleContext): Promise<void> {
  const admin = await connectRole('admin', parts.nats.url, parts.nats.credentials('admin'));
  try {
    for (const drift of await provision(admin, topologyLimits(config)))
      logger.warn(
        { ...drift },
        'a stream is not set up as this build wants it: change it, or keep it knowingly',
      );
  } finally {
    await admin.close();
  }
}

async function prepareDatabase({ parts, logger }: RoleContext, { progress }: AppOptions): Promise<void> {
  const dir = new URL('../migrations/', import.meta.url).pathname;
  const { applied } = await migrate({ adminUrl: parts.postgres.adminUrl, dir });
  if (applied.length > 0) progress(`database schema: ${applied.length} migrations applied`);
  const admin = createPool({
    url: parts.postgres.adminUrl,
    applicationName: 'spark-setup',
    maxConnections: 1,
    onError: (error) => logger.warn({ error: messageOf(error) }, 'setup lost its connection to Postgres'),
  });
  try {
    await setRolePasswords(admin, parts.postgres.passwords);
  } finally {
    await admin.end();
  }
}

const workerCheck = (worker: WorkerRole) => ({
  name: 'worker',
  check: async () => ({ ok: worker.state !== 'stopped', detail: worker.state }),
});

const workerChecks = (worker: WorkerRole | undefined): readonly ReadinessCheck[] =>
  worker ? [workerCheck(worker), worker.circuits.check] : [];

/** What stands still behind the way in does not close it: commands are taken and executed, and reads say how stale they are. */
const toldOnly = ({ name, check }: ReadinessCheck): ReadinessCheck => ({
  name,
  check: async (signal) => {
    const { ok, detail } = await check(signal);
    return { ok: true, detail: ok ? detail : `degraded: ${detail}` };
  },
});

/** Health and metrics of roles that listen nowhere else. */
function createStatus(
  { config, metrics, version, clock }: RoleContext,
  { token }: AppOptions,
  checks: readonly ReadinessCheck[],
): StatusServer {
  const { SPARK_STATUS_HOST: host, SPARK_STATUS_PORT: port } = config;
  return createStatusServer({ host, port, token, checks, metrics, version, clock });
}

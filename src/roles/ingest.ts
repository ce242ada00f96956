import { bounded } from '../core/bounded.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import { grantOf } from '../http/auth.js';
import { createHttpServer, type HttpServer } from '../http/httpServer.js';
import type { ReadinessCheck, WorkerQueries } from '../http/ports.js';
import { Backpressure } from '../ingest/backpressure.js';
import { RateLimitedSubmitter } from '../ingest/rateLimitedSubmitter.js';
import { CoalescingSubmitter } from '../ingest/submitter.js';
import { TOOL_CALLS_DISABLED, TOOL_CALLS_NEED_A_TOKEN, withoutToolCalls } from '../ingest/toolCallGuard.js';
import { createPools, type PostgresPools } from '../postgres/pools.js';
import { loadPresets } from '../presets/library.js';
import { createCancelSink } from '../streams/cancels.js';
import { createBacklogProbe, createCommandPublisher } from '../streams/commandPublisher.js';
import { connectRole, type NatsConnection } from '../streams/connection.js';
import { createDeadLetterActions } from '../streams/deadLetterActions.js';
import { EditorRegistry } from '../streams/editorRegistry.js';
import { LogFeed } from '../streams/feed.js';
import { createImageStore } from '../streams/imageStore.js';
import { serveSubmit } from '../streams/submitService.js';
import { createUploads } from '../streams/uploads.js';
import { createWorkerQueries } from '../streams/workerQueries.js';
import { createChecks } from './checks.js';
import type { RoleContext } from './context.js';
import { createEditorsPort } from './editors.js';
import { observePostgres } from './observePostgres.js';
import { createRateLimits } from './rateLimits.js';
import { createReadModels } from './readModels.js';
import { ReadRouter } from './readRouter.js';
import { ServerWatch } from './serverWatch.js';

/** A step of the stop that hangs on a server that is away is left behind after this. */
const STOP_STEP_MS = 1_000;

export interface IngestOptions {
  readonly token: string;
  readonly port: number;
  /** Further checks of `/readyz`, of roles in the same process. */
  readonly checks: readonly ReadinessCheck[];
}

export interface IngestRole extends Service {
  address(): ReturnType<HttpServer['address']>;
}

/** The ways in: the HTTP API and the submit service, over one submitter. */
export async function createIngestRole(context: RoleContext, options: IngestOptions): Promise<IngestRole> {
  const { parts, clock, logger, metrics, config, version } = context;
  const nc = await connectRole('ingest', parts.nats.url, parts.nats.credentials('ingest'));
  const pools = readPools(context);
  const abort = new AbortController();
  const queries = createWorkerQueries(nc, config.SPARK_PARTITIONS);
  const backpressure = new Backpressure({
    backlogMax: config.MCP_BACKLOG_MAX,
    queueWatermark: config.MCP_QUEUE_WATERMARK,
  });
  const { rate, gossip } = createRateLimits(context, nc);
  const submitter = await createSubmitter(context, nc, queries, backpressure);
  const limited = new RateLimitedSubmitter(submitter, rate);
  const feed = new LogFeed(nc, clock);
  const registry = new EditorRegistry(nc, clock);
  const watch = watchServers(context, pools, feed);
  const images = await createImageStore(nc, clock, abort.signal);
  const http = createHttpServer({
    host: config.SPARK_HTTP_HOST,
    port: options.port,
    tokens: [grantOf('token', options.token)],
    version,
    keys: { termMs: config.SPARK_LEDGER_TERM_MS, maxKeys: config.SPARK_LEDGER_MAX_KEYS },
    submitter: config.MCP_CALL_TOOL === 'on' ? limited : withoutToolCalls(limited, TOOL_CALLS_DISABLED),
    queries,
    feed,
    reads: createReadModels(new ReadRouter({ pools, clock, watch, metrics }), images),
    images,
    presets: await loadPresets(),
    cancels: await createCancelSink(nc),
    deadLetterActions: createDeadLetterActions(nc, clock, abort.signal),
    editors: createEditorsPort(context, nc, registry, queries),
    uploads: await createUploads(nc, clock, { ttlMs: config.SPARK_UPLOAD_TTL_MS }),
    admitUpload: (credential) => rate.takeUpload(`http/${credential}`),
    checks: [
      ...createChecks({ nc, pools, watch, replicaIsYours: config.DATABASE_REPLICA_URL !== undefined }),
      ...options.checks,
    ],
    ...{ metrics, logger, clock },
    drainMs: config.MCP_DRAIN_MS,
  });
  metrics.collect('spark_backlog_commands', () => backpressure.backlog);
  observePostgres(metrics, pools, watch, clock);
  const behind = [submitter, feed, registry, gossip, watch];
  let stopSubmit: (() => Promise<void>) | undefined;
  return {
    name: 'ingest',
    start: async () => {
      await Promise.all(behind.map((service) => service.start()));
      stopSubmit = await serveSubmit(nc, withoutToolCalls(limited, TOOL_CALLS_NEED_A_TOKEN), version);
      await http.start();
    },
    stop: async () => {
      abort.abort();
      await Promise.all([
        bounded(clock, config.MCP_DRAIN_MS + STOP_STEP_MS, http.stop()),
        bounded(clock, STOP_STEP_MS, stopSubmit?.()),
      ]);
      await Promise.all(behind.map((service) => bounded(clock, STOP_STEP_MS, service.stop())));
      await Promise.all([
        bounded(clock, STOP_STEP_MS, pools.end()),
        bounded(clock, STOP_STEP_MS, nc.close()),
      ]);
    },
    address: () => http.address(),
  };
}

async function createSubmitter(
  { clock, config, logger }: RoleContext,
  nc: NatsConnection,
  queries: WorkerQueries,
  backpressure: Backpressure,
): Promise<CoalescingSubmitter> {
  return new CoalescingSubmitter({
    publisher: await createCommandPublisher(nc, config.SPARK_PARTITIONS),
    probe: await createBacklogProbe(nc, config.SPARK_PARTITIONS),
    lookup: (commandIds) => queries.status(commandIds),
    backpressure,
    clock,
    coalesceMs: config.SPARK_COALESCE_MS,
    publishTimeoutMs: 8_000,
    keyTermMs: config.SPARK_LEDGER_TERM_MS,
    onAccepted: () => undefined,
    onProbeError: (error) => logger.warn({ error: messageOf(error) }, 'the backlog cannot be read just now'),
  });
}

function watchServers(
  { clock, logger, config }: RoleContext,
  pools: PostgresPools,
  feed: LogFeed,
): ServerWatch {
  return new ServerWatch({
    ...{ pools, clock, logger },
    logEndSeq: () => feed.lastSeq(),
    maxLagMs: config.SPARK_REPLICA_MAX_LAG_MS,
  });
}

/** A Postgres that is away, or answers nothing, must not hold up answers that others can give. */
function readPools({ parts, logger }: RoleContext): PostgresPools {
  return createPools({
    primaryUrl: parts.postgres.urlOf('spark_ingest', 'primary'),
    ...(parts.postgres.hasReplica ? { replicaUrl: parts.postgres.urlOf('spark_ingest', 'replica') } : {}),
    applicationName: 'spark-ingest',
    connectTimeoutMs: 1_000,
    statementTimeoutMs: 5_000,
    answerTimeoutMs: 3_000,
    onError: (error) => logger.warn({ error: messageOf(error) }, 'HTTP reads lost a connection to Postgres'),
  });
}

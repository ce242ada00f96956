import { z } from 'zod';
import { BUILD_FIELDS } from './configBuildFields.js';
import { GATE_FIELDS } from './configGateFields.js';
import { NATS_FIELDS } from './configNatsFields.js';
import { RETENTION_FIELDS } from './configRetentionFields.js';
import { SERVICE_FIELDS } from './configServiceFields.js';
import { UNITY_FIELDS } from './configUnityFields.js';
import { messageOf } from './core/errors.js';
import { DEFAULT_RATE_LIMITS, parseRateLimits } from './core/rateRules.js';

/** Every environment variable SPARK reads, once: the schema, `.env.example` and the docs come from this table. */
export interface ConfigField {
  readonly name: string;
  readonly doc: string;
  readonly unit?: string;
  /** As it would stand in the environment; empty: not set. */
  readonly default: string;
  readonly schema: z.ZodType<unknown>;
}

const text = z.string().min(1);
const url = (protocols: RegExp) =>
  z.string().regex(protocols, `must be a URL of the form ${protocols.source}`);
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const ratio = z.coerce.number().gt(0).lt(1);
const http = url(/^https?:\/\//);
const DAY_MS = 86_400_000;
const rateLimits = text.superRefine((value, context) => {
  try {
    parseRateLimits(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
  }
});

export const CONFIG_FIELDS = [
  {
    name: 'SPARK_HOME',
    doc: 'Folder of everything the embedded default keeps: streams, databases, tokens, the simulated projects',
    default: '.spark',
    schema: text,
  },
  {
    name: 'SPARK_CACHE',
    doc: 'Folder of programs fetched once for all homes (nats-server); default: .cache/spark in your home folder',
    default: '',
    schema: text,
  },
  {
    name: 'SPARK_LOG_LEVEL',
    doc: 'fatal, error, warn, info or debug',
    default: 'info',
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug']),
  },
  {
    name: 'SPARK_HTTP_HOST',
    doc: 'Address the HTTP side listens on; anything but loopback needs SPARK_TOKEN',
    default: '127.0.0.1',
    schema: text,
  },
  {
    name: 'SPARK_HTTP_PORT',
    doc: 'Port of the HTTP side; 0: a free one, kept for the home',
    default: '0',
    schema: whole(0, 65_535),
  },
  {
    name: 'SPARK_STATUS_HOST',
    doc: 'Address on which spark worker and spark projector tell their health and metrics; off loopback the metrics need SPARK_TOKEN',
    default: '127.0.0.1',
    schema: text,
  },
  {
    name: 'SPARK_STATUS_PORT',
    doc: 'Its port; 0: a free one, which they print',
    default: '0',
    schema: whole(0, 65_535),
  },
  {
    name: 'SPARK_TOKEN',
    doc: 'Bearer token with every scope; unset: one is made for the home and printed',
    default: '',
    schema: z.string().min(16),
  },
  ...NATS_FIELDS,
  {
    name: 'SPARK_NATS_SERVER',
    doc: 'Path of a nats-server program (2.14 or newer) for the embedded default',
    default: '',
    schema: text,
  },
  {
    name: 'SPARK_NATS_SYNC',
    doc: 'Embedded nats-server: always (survives a power cut) or 100ms (may lose the last 100 ms at a power cut, faster)',
    default: 'always',
    schema: z.enum(['always', '100ms']),
  },
  {
    name: 'DATABASE_URL',
    doc: 'Your Postgres primary, as a user that may create roles and schemas; unset: an embedded primary and standby',
    default: '',
    schema: url(/^postgres(ql)?:\/\//),
  },
  {
    name: 'DATABASE_REPLICA_URL',
    doc: 'Its streaming replica; unset with DATABASE_URL set: the primary answers reads',
    default: '',
    schema: url(/^postgres(ql)?:\/\//),
  },
  {
    name: 'SPARK_REPLICA_MAX_LAG_MS',
    doc: 'Reads go to the primary while the replica is further behind it than this',
    unit: 'ms',
    default: '10000',
    schema: whole(100, 86_400_000),
  },
  {
    name: 'SPARK_DASHBOARD_PASSWORD',
    doc: 'Of the role spark_dashboard_ro, for dashboards outside (Grafana), printable ASCII; unset: one of this home, in endpoints.json',
    default: '',
    schema: z.string().regex(/^[!-~]{12,128}$/, 'must be 12 to 128 printable ASCII characters'),
  },
  {
    name: 'UNITY_MCP_URL',
    doc: 'Your Unity MCP server, usually http://localhost:8080/mcp; unset: the embedded simulator',
    default: '',
    schema: http,
  },
  {
    name: 'UNITY_MCP_URLS',
    doc: 'Further MCP servers that editors may be registered on, separated by ","; they are sent UNITY_MCP_TOKEN too',
    default: '',
    schema: z
      .string()
      .refine(
        (urls) => urls.split(',').every((one) => /^https?:\/\//.test(one.trim()) && URL.canParse(one.trim())),
        'must be http:// or https:// URLs, separated by ","',
      ),
  },
  {
    name: 'UNITY_EDITORS',
    doc: 'Editors by name: editor=Name@hash:project folder, separated by ";". Without the folder undo of .meta files degrades',
    default: '',
    schema: text,
  },
  {
    name: 'UNITY_MCP_TOKEN',
    doc: 'Sent to Unity MCP as Authorization: Bearer and X-API-Key',
    default: '',
    schema: text,
  },
  ...UNITY_FIELDS,
  ...GATE_FIELDS,
  ...SERVICE_FIELDS,
  {
    name: 'MCP_MAX_INFLIGHT',
    doc: 'Commands a worker holds unacknowledged at most',
    unit: 'commands',
    default: '2048',
    schema: whole(2, 100_000),
  },
  {
    name: 'MCP_BATCH_SIZE',
    doc: 'Messages of one pull',
    unit: 'messages',
    default: '64',
    schema: whole(1, 1_000),
  },
  {
    name: 'MCP_QUEUE_WATERMARK',
    doc: 'Share of MCP_MAX_INFLIGHT and of MCP_BACKLOG_MAX at which the brake comes on; it goes off at half of that',
    default: '0.75',
    schema: ratio,
  },
  {
    name: 'MCP_BACKLOG_MAX',
    doc: 'Commands accepted and not ended',
    unit: 'commands',
    default: '100000',
    schema: whole(10, 100_000_000),
  },
  {
    name: 'MCP_COMMANDS_MAX_BYTES',
    doc: 'Size limit of the command stream: the last line; full means refused, never dropped',
    unit: 'bytes',
    default: '4294967296',
    schema: whole(65_536, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'MCP_MAX_ATTEMPTS',
    doc: 'Attempts of one command; an editor that is away spends none',
    unit: 'attempts',
    default: '3',
    schema: whole(1, 100),
  },
  {
    name: 'MCP_RETRY_BASE_MS',
    doc: 'First backoff; doubles each time, with full jitter',
    unit: 'ms',
    default: '250',
    schema: whole(1, 60_000),
  },
  {
    name: 'MCP_RETRY_MAX_MS',
    doc: 'Longest backoff',
    unit: 'ms',
    default: '30000',
    schema: whole(1, 600_000),
  },
  {
    name: 'MCP_PARK_AFTER_MS',
    doc: 'An editor away for this long gets its waiting commands parked',
    unit: 'ms',
    default: '2000',
    schema: whole(100, 600_000),
  },
  ...BUILD_FIELDS,
  {
    name: 'MCP_DRAIN_MS',
    doc: 'Time a stop gives to running calls before it aborts them (they are finished at the next start)',
    unit: 'ms',
    default: '1000',
    schema: whole(0, 600_000),
  },
  {
    name: 'SPARK_PARTITIONS',
    doc: 'Partitions of the command stream and the log; fixed for the life of the streams',
    default: '4',
    schema: whole(1, 64),
  },
  {
    name: 'SPARK_WORKER_BEAT_MS',
    doc: 'How often a worker tells the others that it lives; its partitions move after two to four of these without a word',
    unit: 'ms',
    default: '1000',
    schema: whole(100, 60_000),
  },
  {
    name: 'SPARK_RATE_LIMITS',
    doc: 'Commands let through: name=count/s, /m or /h (or name=off), joined by semicolons, over the defaults; names: actor, session, uploads (posted files), a command type or a family as cv.* (those per actor, and four times that over all actors, named as unity.run_build/all). An actor is here the token of an HTTP request, or all of NATS together; the name a command gives as its actor is for the audit only. Above them HTTP answers 429, and raw publishes wait',
    default: DEFAULT_RATE_LIMITS,
    schema: rateLimits,
  },
  {
    name: 'SPARK_LEDGER_MAX_KEYS',
    doc: 'Idempotency keys remembered, about 62 bytes each; beyond, the oldest that have ended go early. GET /version tells it to clients',
    unit: 'keys',
    default: '500000',
    schema: whole(1_000, 100_000_000),
  },
  {
    name: 'SPARK_LEDGER_TERM_MS',
    doc: 'How long an idempotency key holds; GET /version tells it to clients',
    unit: 'ms',
    default: String(7 * DAY_MS),
    schema: whole(60_000, 365 * DAY_MS),
  },
  ...RETENTION_FIELDS,
  {
    name: 'SPARK_UPLOADS_MAX_BYTES',
    doc: 'Size limit of all posted files together; full means 507 until some expire',
    unit: 'bytes',
    default: '1073741824',
    schema: whole(1_048_576, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'SPARK_UPLOAD_TTL_MS',
    doc: 'How long a posted file is kept; default 7 days',
    unit: 'ms',
    default: '604800000',
    schema: whole(60_000, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'SPARK_EVENT_BATCH',
    doc: 'Events of one append at most: what waits goes together, without a delay of its own, and what is beyond goes with the next',
    unit: 'events',
    default: '250',
    schema: whole(1, 1_000),
  },
  {
    name: 'SPARK_COALESCE_MS',
    doc: 'Requests that arrive within this time share one stored message',
    unit: 'ms',
    default: '1',
    schema: whole(0, 100),
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    doc: 'Where traces go; unset: tracing is not even loaded',
    default: '',
    schema: http,
  },
  {
    name: 'SPARK_FAULT_POINT',
    doc: 'For tests of crash safety only: kill this process with SIGKILL at the named point (after_intent, after_call, …; ":2" for the second time)',
    default: '',
    schema: z.string().regex(/^[a-z_]+(:\d+)?$/),
  },
] as const satisfies readonly ConfigField[];

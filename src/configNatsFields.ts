import { z } from 'zod';

const text = z.string().min(1);
const SERVERS = /^(nats|tls):\/\//;

const rolePassword = <const Name extends string>(name: Name, role: string, what: string) => ({
  name,
  doc: `Password of the user "${role}" at NATS_URL, as in deploy/nats.conf: ${what}; unset: NATS_USER does it`,
  default: '' as const,
  schema: text,
});

/** Where NATS is, as whom each role gets in, and how many copies it keeps. */
export const NATS_FIELDS = [
  {
    name: 'NATS_URL',
    doc: 'Your NATS servers, comma-separated: all of a cluster (docs/scale.md); unset: an embedded nats-server',
    default: '',
    schema: z
      .string()
      .refine(
        (urls) => urls.split(',').every((one) => SERVERS.test(one.trim()) && URL.canParse(one.trim())),
        'must be nats:// or tls:// URLs, separated by ","',
      ),
  },
  {
    name: 'NATS_WS_URL',
    doc: 'Websocket address of your NATS server for browsers',
    default: '',
    schema: z.string().regex(/^wss?:\/\//, 'must be a URL of the form ^wss?:\\/\\/'),
  },
  {
    name: 'NATS_USER',
    doc: 'User at NATS_URL for every role of this process that has no password of its own below',
    default: '',
    schema: text,
  },
  { name: 'NATS_PASSWORD', doc: 'Its password', default: '', schema: text },
  rolePassword('SPARK_NATS_ADMIN_PASSWORD', 'admin', 'prepares the streams at each start'),
  rolePassword('SPARK_NATS_INGEST_PASSWORD', 'ingest', 'HTTP and spark.submit'),
  rolePassword('SPARK_NATS_WORKER_PASSWORD', 'worker', 'executes'),
  rolePassword('SPARK_NATS_GATE_PASSWORD', 'gate', 'the one way to an editor'),
  rolePassword('SPARK_NATS_PROJECTOR_PASSWORD', 'projector', 'reads the log'),
  rolePassword('SPARK_NATS_CLIENT_PASSWORD', 'client', 'told to your programs in endpoints.json'),
  {
    name: 'NATS_REPLICAS',
    doc: 'Copies of each stream: 1 on a single server, 3 (or 5) in a cluster of at least as many. More than there are: made at the next start; fewer: told, and left as it is',
    default: '1',
    schema: z.coerce
      .number()
      .int()
      .min(1)
      .max(5)
      .refine(
        (copies) => copies % 2 === 1,
        'must be 1, 3 or 5: an even number survives no more than one less',
      ),
  },
] as const;

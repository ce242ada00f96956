import { NATS_PERMISSIONS, type NatsRole } from '../../streams/permissions.js';

/** The environment variable that holds a role's password, for nats-server and for SPARK alike. */
export function natsPasswordVariable(role: string): string {
  return `SPARK_NATS_${role.toUpperCase()}_PASSWORD`;
}

/** `deploy/nats.conf`: the server of docker-compose.yml, with one user a role. Passwords come from the environment. */
export function renderNatsConf(): string {
  return `${MADE_BY}
server_name: spark
${SERVER}
${authorization()}`;
}

/** `deploy/nats-cluster.conf`: the same for each of three servers on machines of their own (docs/scale.md), with TLS everywhere. */
export function renderNatsClusterConf(): string {
  return `${MADE_BY}
# One of three. $SPARK_NATS_NAME is nats-1, nats-2 or nats-3: the cluster knows its members by it, so each keeps its own for good.
server_name: $SPARK_NATS_NAME
${SERVER}
tls {
  cert_file: "/etc/nats/tls/server.pem"
  key_file: "/etc/nats/tls/server.key"
}

cluster {
  name: spark
  port: 6222
  # Clients are told all three in NATS_URL.
  no_advertise: true
  # Who has a certificate of your own authority may join, nobody else.
  tls {
    cert_file: "/etc/nats/tls/server.pem"
    key_file: "/etc/nats/tls/server.key"
    ca_file: "/etc/nats/tls/ca.pem"
    verify: true
  }
  routes: [
    "tls://nats-1:6222"
    "tls://nats-2:6222"
    "tls://nats-3:6222"
  ]
}

${authorization()}`;
}

const MADE_BY = '# Made by `npm run generate` from src/streams/permissions.ts; changes here are lost.';

const SERVER = `port: 4222
http: "127.0.0.1:8222"
max_payload: 8MB

jetstream {
  store_dir: /data
  # Every acknowledged message survives a power cut. Needs 2.15, where a batch is one fsync.
  sync_interval: always
  # Never false: an acknowledgement that a client has sent to the JetStream API would be a valid purge (docs/adr/0014).
  strict: true
}
`;

function authorization(): string {
  const roles = Object.keys(NATS_PERMISSIONS) as NatsRole[];
  return `authorization {
  users: [
${roles.map(renderUser).join('\n')}
  ]
}
`;
}

function renderUser(role: NatsRole): string {
  const { publish, subscribe } = NATS_PERMISSIONS[role];
  return `    {
      user: ${role}
      password: $${natsPasswordVariable(role)}
      permissions: {
        publish: ${renderSubjects(publish)}
        subscribe: ${renderSubjects(subscribe)}
      }
    }`;
}

function renderSubjects(subjects: readonly string[]): string {
  return `[${subjects.map((subject) => `\n          ${JSON.stringify(subject)}`).join('')}\n        ]`;
}

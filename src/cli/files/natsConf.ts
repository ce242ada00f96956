import { NATS_PERMISSIONS, type NatsRole } from '../../streams/permissions.js';

/** The environment variable that holds a role's password, for nats-server and for SPARK alike. */
export function natsPasswordVariable(role: string): string {
  return `SPARK_NATS_${role.toUpperCase()}_PASSWORD`;
}

/** `deploy/nats.conf`: the server of docker-compose.yml, with one user a role. Passwords come from the environment. */
export function renderNatsConf(): string {
  const roles = Object.keys(NATS_PERMISSIONS) as NatsRole[];
  return `# Made by \`npm run generate\` from src/streams/permissions.ts; changes here are lost.
server_name: spark
port: 4222
http: "127.0.0.1:8222"
max_payload: 8MB

jetstream {
  store_dir: /data
  # Every acknowledged message survives a power cut. Needs 2.15, where a batch is one fsync.
  sync_interval: always
  # Never false: an acknowledgement that a client has sent to the JetStream API would be a valid purge (docs/adr/0014).
  strict: true
}

authorization {
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

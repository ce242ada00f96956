import type { NatsUser } from '../../src/embedded/natsConfig.js';
import type { HomeState } from '../../src/embedded/stateFile.js';
import type { DatabaseRole, Parts } from '../../src/roles/parts.js';
import { inboxPrefixOf, NATS_PERMISSIONS, type NatsRole } from '../../src/streams/permissions.js';
import type { NatsAccess } from '../ports.js';

const NATS_ROLES = Object.keys(NATS_PERMISSIONS) as NatsRole[];
const DATABASE_ROLES: readonly DatabaseRole[] = ['spark_projector', 'spark_ingest', 'spark_dashboard_ro'];

const userOf = (role: NatsRole): string => `spark-${role}`;
const passwordOf = (state: HomeState, role: NatsRole): string => state.secret(`nats:${role}`);

/** One user a role, with the permissions that SPARK gives it: nothing here runs with more rights than in the field. */
export function natsUsers(state: HomeState): NatsUser[] {
  return NATS_ROLES.map((role) => ({
    user: userOf(role),
    password: passwordOf(state, role),
    permissions: {
      publish: { allow: NATS_PERMISSIONS[role].publish },
      subscribe: { allow: NATS_PERMISSIONS[role].subscribe },
    },
  }));
}

export function natsAccess(state: HomeState, role: NatsRole, urls: readonly string[]): NatsAccess {
  return { urls, user: userOf(role), password: passwordOf(state, role), inboxPrefix: inboxPrefixOf(role) };
}

/** Where one process finds everything: its own wires where there are any. */
export interface Places {
  /** Comma-separated. */
  readonly nats: string;
  /** As the superuser. */
  readonly primary: string;
  readonly replica: string;
  readonly unityMcp: string;
}

/** The servers as one process is told of them. */
export function partsFor(state: HomeState, places: Places): Parts {
  const passwords = Object.fromEntries(
    DATABASE_ROLES.map((role) => [role, state.secret(`postgres:${role}`)]),
  ) as Record<DatabaseRole, string>;
  return {
    nats: {
      url: places.nats,
      wsUrl: null,
      credentials: (role) => ({ user: userOf(role), password: passwordOf(state, role) }),
    },
    postgres: {
      adminUrl: places.primary,
      urlOf: (role, server) => {
        const url = new URL(server === 'primary' ? places.primary : places.replica);
        url.username = role;
        url.password = passwords[role];
        return url.href;
      },
      hasReplica: true,
      passwords,
    },
    unity: { mcpUrl: places.unityMcp, token: undefined, editors: [], resolve: undefined },
    services: { cv: undefined, asr: undefined },
  };
}

/** The same URL with another port: the wire's. */
export function through(url: string, port: number): string {
  const moved = new URL(url);
  moved.port = String(port);
  return moved.href;
}

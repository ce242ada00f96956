/** What must be there before the Postgres servers can start: programs, folders, ports, passwords. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresUnusableError } from './errors.js';
import type { Home } from './home.js';
import { rememberedPort } from './ports.js';
import { type PostgresPrograms, preparePostgresPrograms } from './postgresBinary.js';
import { APP_DATABASE } from './postgresConfig.js';
import {
  copyDataFolder,
  initDataFolder,
  isDataFolder,
  removeDrafts,
  replaceDataFolder,
} from './postgresFolder.js';
import { choosePostgresRoot } from './postgresRoot.js';
import type { PostgresTarget } from './postgresSql.js';
import { type UserIds, unprivilegedUser } from './runAs.js';
import { stopSurvivor } from './survivors.js';

export interface PostgresLayout {
  readonly programs: PostgresPrograms;
  /** Whom the servers run as; undefined: us. */
  readonly user: UserIds | undefined;
  readonly rootDir: string;
  readonly primaryDir: string;
  readonly standbyDir: string;
  readonly primary: PostgresTarget;
  readonly standby: PostgresTarget;
  readonly replicatorPassword: string;
}

/** Finds or makes all of it. A new standby folder is a copy of the new primary's. */
export async function preparePostgresLayout(
  home: Home,
  options: {
    readonly outsideDir?: string | undefined;
    readonly onProgress?: ((message: string) => void) | undefined;
  },
): Promise<PostgresLayout> {
  const { state, runDir } = home;
  // They would hold the remembered ports and the folders.
  await Promise.all([stopSurvivor(runDir, 'postgres'), stopSurvivor(runDir, 'replica')]);
  const preferred = unprivilegedUser();
  if (preferred === undefined && process.getuid?.() === 0) {
    throw new PostgresUnusableError(
      'Postgres does not run as root, and this machine has no user postgres or nobody.',
    );
  }
  const rootDir = choosePostgresRoot(home, preferred, options.outsideDir);
  removeDrafts(rootDir);
  const [primaryDir, standbyDir] = [join(rootDir, 'primary'), join(rootDir, 'standby')];
  const user = preferred === undefined ? undefined : (ownerOf(primaryDir) ?? preferred);
  const programs = preparePostgresPrograms(rootDir, user);
  const password = state.secret('postgresOwnerPassword');
  if (!isDataFolder(primaryDir)) {
    options.onProgress?.('making the Postgres data folders');
    state.set('postgresReady', false);
    rmSync(standbyDir, { recursive: true, force: true }); // of another cluster
    await initDataFolder(programs, primaryDir, password, user);
    // Nothing has run on it yet: a plain copy is a valid standby.
    replaceDataFolder(await copyDataFolder(primaryDir, standbyDir, { running: false, user }), standbyDir);
  }
  return {
    programs,
    user,
    rootDir,
    primaryDir,
    standbyDir,
    primary: { port: await rememberedPort(state, 'postgresPort'), password, database: APP_DATABASE },
    standby: { port: await rememberedPort(state, 'replicaPort'), password, database: APP_DATABASE },
    replicatorPassword: state.secret('postgresReplicatorPassword'),
  };
}

/** A home first used without root and now as root goes on as its first user. */
function ownerOf(dir: string): UserIds | undefined {
  const found = statSync(dir, { throwIfNoEntry: false });
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid };
}

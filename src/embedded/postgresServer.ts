/** One Postgres server, primary or standby, as a supervised child. */
import { writeFileAtomically } from './atomicFile.js';
import type { PostgresPrograms } from './postgresBinary.js';
import { INCLUDED_FILE, type PostgresConfig, renderPostgresConfig } from './postgresConfig.js';
import { clearPostmasterPid, POSTGRES_ENV } from './postgresFolder.js';
import { waitForPostgres } from './postgresSql.js';
import type { UserIds } from './runAs.js';
import { endStragglers } from './stragglers.js';
import { type ChildExit, SupervisedChild } from './supervisedChild.js';

/** Fast shutdown, then (a slow disk, a frozen backend) immediate shutdown: the next start recovers from the WAL. */
const STOP_STEP_MS = 900;

export interface PostgresServerOptions {
  /** The child's name: `postgres` or `replica`. */
  readonly name: string;
  readonly programs: PostgresPrograms;
  readonly dataDir: string;
  readonly config: PostgresConfig;
  readonly ownerPassword: string;
  readonly user: UserIds | undefined;
  readonly runDir: string;
  readonly logFile: string;
  readonly readyTimeoutMs: number;
  readonly onExit?: ((exit: ChildExit) => void) | undefined;
  readonly onRestart?: ((pid: number) => void) | undefined;
}

/** A server not yet started; the data folder must be there before `start`. */
export function createPostgresServer(options: PostgresServerOptions): SupervisedChild {
  const { dataDir, config, user, ownerPassword } = options;
  return new SupervisedChild({
    name: options.name,
    command: [options.programs.postgres, '-D', dataDir],
    env: POSTGRES_ENV,
    cwd: '/',
    runAs: user,
    stopSignals: ['SIGINT', 'SIGQUIT'],
    stopStepMs: STOP_STEP_MS,
    runDir: options.runDir,
    logFile: options.logFile,
    readyTimeoutMs: options.readyTimeoutMs,
    beforeStart: async () => {
      await clearPostmasterPid(dataDir);
      await endStragglers(dataDir);
      writeFileAtomically(`${dataDir}/${INCLUDED_FILE}`, renderPostgresConfig(config), 0o600, user);
      if (config.primary !== undefined) writeFileAtomically(`${dataDir}/standby.signal`, '', 0o600, user);
    },
    ready: (signal) =>
      waitForPostgres({ port: config.port, password: ownerPassword, database: 'postgres' }, signal),
    onExit: options.onExit,
    onRestart: options.onRestart,
  });
}

import pg from 'pg';

/** The connections of one process to Postgres. */
export interface PostgresPools {
  /** Reads and writes. */
  readonly primary: pg.Pool;
  /** Reads only, a moment behind; the primary itself where there is no replica. */
  readonly replica: pg.Pool;
  readonly hasReplica: boolean;
  /** Closes every connection. Idempotent. */
  end(): Promise<void>;
}

export interface PoolOptions {
  /** What TLS to use stands in the URL (`sslmode`, `sslrootcert`). */
  readonly url: string;
  readonly applicationName: string;
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  /** Cancels a longer statement on the server; 0: no limit. */
  readonly statementTimeoutMs?: number;
  /** Gives a connection up that has not answered for this long: a server that is frozen or cut off cancels nothing. Default: waits. */
  readonly answerTimeoutMs?: number;
  /** A connection in the pool was lost; the pool makes another when asked. */
  readonly onError?: (error: Error) => void;
}

const DEFAULT_MAX_CONNECTIONS = 10;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

/** A pool; connects when first asked, so it can be made while the server is away. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    connectionTimeoutMillis: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: options.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS,
    ...(options.answerTimeoutMs === undefined ? {} : { query_timeout: options.answerTimeoutMs }),
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // Without a listener a lost idle connection would end the process.
  pool.on('error', (error) => options.onError?.(error));
  // The pool's own listener is gone while a client is out. A server that ends it in the very packet that greets it would find nobody
  // to tell and take the process down; the query to come tells the borrower.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The primary and the replica; without `replicaUrl` reads go to the primary. */
export function createPools(
  options: Omit<PoolOptions, 'url'> & { readonly primaryUrl: string; readonly replicaUrl?: string },
): PostgresPools {
  const { primaryUrl, replicaUrl, ...rest } = options;
  const primary = createPool({ ...rest, url: primaryUrl });
  const replica = replicaUrl === undefined ? primary : createPool({ ...rest, url: replicaUrl });
  let ended: Promise<void> | undefined;
  return {
    primary,
    replica,
    hasReplica: replica !== primary,
    end: () => {
      ended ??= Promise.all([...new Set([primary, replica])].map((pool) => pool.end())).then(() => undefined);
      return ended;
    },
  };
}

/** The settings of the embedded Postgres servers, as text. Written anew at each start. */
export interface PostgresConfig {
  readonly port: number;
  /** Only a standby has one: where it streams from. */
  readonly primary?: { readonly port: number; readonly user: string; readonly password: string };
  readonly walKeepMiB: number;
}

export const OWNER_ROLE = 'spark_owner';
export const REPLICATOR_ROLE = 'spark_replicator';
export const APP_DATABASE = 'spark';
export const INCLUDED_FILE = 'spark.conf';

/** A standby refuses to start with less than its primary has, so both get these. */
const SAME_ON_BOTH = {
  max_connections: 100,
  max_wal_senders: 10, // not below the default: initdb has written that one into the control file
  max_worker_processes: 8,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 256, // a query over many partitions locks each of them
};

const COMMON = {
  ...SAME_ON_BOTH,
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  jit: 'off', // built without LLVM
  wal_level: 'replica',
  // Built without lz4 and zstd, and pglz takes 75 us a page: twice what writing, sending and replaying the other 5 KB takes.
  wal_compression: 'off',
  // A new segment is written once, not twice: of the CPU of a bulk's WAL that was half, on the primary and on the standby.
  wal_init_zero: 'off',
  wal_writer_delay: '10ms', // the default 200 ms makes the replica 190 ms late behind asynchronous commits
  max_wal_size: '2GB', // the more WAL between two checkpoints of a rebuild, the fewer pages are written in full again
  checkpoint_timeout: '5min',
  hot_standby: 'on',
  hot_standby_feedback: 'on',
  max_standby_streaming_delay: '3s',
  wal_receiver_status_interval: '1s',
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
  wal_retrieve_retry_interval: '100ms',
  autovacuum_naptime: '15s',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** The text of the included file. */
export function renderPostgresConfig(config: PostgresConfig): string {
  const settings: Record<string, string | number> = {
    ...COMMON,
    port: config.port,
    // No replication slot: one that nobody reads keeps WAL until the disk is full. A standby that falls further
    // behind than this is seeded again.
    wal_keep_size: `${config.walKeepMiB}MB`,
    ...(config.primary === undefined ? {} : { primary_conninfo: renderConnInfo(config.primary) }),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(String(value))}`);
  return `# Written by SPARK at each start; changes are lost. Use ALTER SYSTEM for your own.\n${lines.join('\n')}\n`;
}

/** Who may connect: both roles by password, over loopback only. */
export function renderHostAccess(): string {
  return [
    'host all all 127.0.0.1/32 scram-sha-256',
    `host replication ${REPLICATOR_ROLE} 127.0.0.1/32 scram-sha-256`,
    '',
  ].join('\n');
}

function renderConnInfo(primary: { port: number; user: string; password: string }): string {
  const { port, user, password } = primary;
  return `host=127.0.0.1 port=${port} user=${user} password=${password} application_name=spark_standby sslmode=disable connect_timeout=2`;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

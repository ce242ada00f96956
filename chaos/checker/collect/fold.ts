import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { System } from '../../ports.js';
import { repositoryRoot } from '../../processes/sparkRole.js';
import type { TableDump } from '../evidence.js';
import { dumpsOf, withClient } from './database.js';
import { within } from './patiently.js';

const run = promisify(execFile);
const REBUILD_TIMEOUT_MS = 10 * 60_000;
/** Nothing that is asked of the database itself takes this long. */
const ANSWER_MS = 60_000;

/** What the product's own `spark rebuild` makes of the log in an empty database of its own, which is dropped afterwards. */
export async function foldIntoScratch(system: System, signal: AbortSignal): Promise<readonly TableDump[]> {
  const name = `spark_check_${process.pid}`;
  const { primaryUrl } = system.postgres;
  const url = new URL(primaryUrl);
  url.pathname = `/${name}`;
  const administer = (statement: string) =>
    within(ANSWER_MS, new AbortController().signal, () =>
      withClient(primaryUrl, (client) => client.query(statement)),
    );
  await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await administer(`CREATE DATABASE ${name}`);
  try {
    await rebuild(system, url.href, signal);
    return await within(ANSWER_MS, signal, () => dumpsOf(url.href));
  } finally {
    await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
}

/** Rebuilds the live database in place; its projector must not be at work. */
export async function rebuildLive(system: System, signal: AbortSignal): Promise<readonly TableDump[]> {
  await rebuild(system, system.postgres.primaryUrl, signal);
  return within(ANSWER_MS, signal, () => dumpsOf(system.postgres.primaryUrl));
}

/** `spark rebuild` as an operator runs it, from the build, in a home of its own. */
async function rebuild(system: System, databaseUrl: string, signal: AbortSignal): Promise<void> {
  const home = join(system.dir, `rebuild-${process.pid}`);
  mkdirSync(home, { recursive: true });
  const { urls, user, password } = system.nats.admin;
  try {
    await run(process.execPath, [join(repositoryRoot(), 'bin', 'spark.js'), 'rebuild', '--home', home], {
      timeout: REBUILD_TIMEOUT_MS,
      signal,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        NATS_URL: urls.join(','),
        NATS_USER: user,
        NATS_PASSWORD: password,
        DATABASE_URL: databaseUrl,
        SPARK_PARTITIONS: String(system.partitions),
        SPARK_SERVICES: 'off',
      },
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

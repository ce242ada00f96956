import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomicFile.js';
import { copyDataFolder } from './postgresFolder.js';
import { type PostgresTarget, withConnection } from './postgresSql.js';
import type { UserIds } from './runAs.js';

const NO_TIMEOUT_MS = 0;

/**
 * A base backup without pg_basebackup: copies the running primary's folder to a draft beside `to`, between
 * pg_backup_start and pg_backup_stop on one connection. Returns the draft, ready to be put in the standby's place.
 * The WAL it needs comes from the primary by streaming.
 */
export async function seedFromRunningPrimary(
  primary: PostgresTarget,
  from: string,
  to: string,
  user: UserIds | undefined,
): Promise<string> {
  return withConnection(
    primary,
    async (ask) => {
      await ask('select pg_backup_start($1, fast => true)', ['spark standby seed']);
      const draft = await copyDataFolder(from, to, { running: true, user });
      const [row] = await ask('select labelfile, spcmapfile from pg_backup_stop(wait_for_archive => false)');
      writeFileAtomically(join(draft, 'backup_label'), String(row?.['labelfile'] ?? ''), 0o600, user);
      if (!existsSync(join(draft, 'PG_VERSION'))) throw new Error(`The copy of ${from} is incomplete.`);
      return draft;
    },
    NO_TIMEOUT_MS,
  );
}

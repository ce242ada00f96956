import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Postgres refuses to run as root. The user to run it as: `postgres` if the machine has one, else `nobody`;
 * undefined when we are not root, or there is neither (it needs a passwd entry).
 */
export function unprivilegedUser(passwdFile = '/etc/passwd'): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entries = readFileSync(passwdFile, 'utf8').split('\n');
  for (const wanted of ['postgres', 'nobody']) {
    const fields = entries.find((entry) => entry.startsWith(`${wanted}:`))?.split(':');
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
    if (Number.isInteger(uid) && Number.isInteger(gid) && uid > 0) return { uid, gid };
  }
  return undefined;
}

/** True when that user can enter (a folder) or run (a file) what lies there. Asked as that user, not computed. */
export function canReach(path: string, user: UserIds | undefined): boolean {
  const asked = spawnSync('/bin/sh', ['-c', 'test -x "$0"', path], {
    cwd: '/',
    env: {},
    stdio: 'ignore',
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  return asked.status === 0;
}

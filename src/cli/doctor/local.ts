import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../../core/errors.js';
import type { EndpointsReading } from '../endpoints.js';
import { type Finding, ill, well } from './finding.js';

const GIB = 1024 ** 3;
/** Commands, events and two Postgres clusters grow here; below this a busy day may fill it. */
const MIN_FREE_BYTES = GIB;

/** Whether the running Node is one that SPARK supports (package.json, engines). */
export function checkNode(running: string = process.versions.node): Finding {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { engines } = JSON.parse(manifest) as { engines: { node: string } };
  const [wantMajor = 0, wantMinor = 0] = engines.node.replace('>=', '').split('.').map(Number);
  const [major = 0, minor = 0] = running.split('.').map(Number);
  const ok = major > wantMajor || (major === wantMajor && minor >= wantMinor);
  return ok
    ? well('node', running)
    : ill('node', `${running}, but ${engines.node} is needed`, 'Install a newer Node.');
}

/** Whether the home is a folder this user can write; a missing one is fine, `start` makes it. */
export function checkHome(home: string): Finding {
  if (!existsSync(home)) return well('home', `${home} (not there yet)`);
  if (!statSync(home).isDirectory())
    return ill('home', `${home} is no folder`, 'Choose another with SPARK_HOME or --home.');
  try {
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK);
    return well('home', home);
  } catch {
    return ill(
      'home',
      `${home} cannot be written by this user`,
      'Run as its owner, or choose another SPARK_HOME.',
    );
  }
}

export async function checkDisk(home: string, minFreeBytes: number = MIN_FREE_BYTES): Promise<Finding> {
  let folder = home;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const stats = await statfs(folder);
  const free = stats.bavail * stats.bsize;
  const detail = `${(free / GIB).toFixed(1)} GiB free in ${folder}`;
  return free >= minFreeBytes
    ? well('disk', detail)
    : ill(
        'disk',
        detail,
        `Free at least ${(minFreeBytes / GIB).toFixed(1)} GiB, or move the home with SPARK_HOME.`,
      );
}

/** Whether a SPARK says that it runs in the home, whether it lives, and whether its token is its owner's alone. */
export function checkEndpoints(reading: EndpointsReading): Finding {
  const name = 'endpoints';
  if (reading.state === 'missing')
    return ill(name, `no ${reading.path}: no SPARK runs in this home`, 'Start one: npm start');
  if (reading.state === 'broken')
    return ill(name, `${reading.path} ${reading.reason}`, 'Stop SPARK, remove the file and start again.');
  const pid = reading.endpoints.pids?.['main'];
  if (typeof pid === 'number' && !isAlive(pid))
    return ill(
      name,
      `process ${pid} that wrote ${reading.path} is gone`,
      'Start SPARK again; it recovers by itself: npm start',
    );
  const mode = statSync(reading.path).mode & 0o777;
  if ((mode & 0o077) !== 0)
    return ill(
      name,
      `${reading.path} can be read by others (mode ${mode.toString(8)})`,
      `chmod 600 ${reading.path}`,
    );
  return well(name, typeof pid === 'number' ? `written by process ${pid}` : reading.path);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

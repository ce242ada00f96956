import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/<pid>/stat on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return {
      parent: fields[1] ?? 0,
      // Its own, and that of its children that have ended: a connection that is closed takes its backend along.
      cpuSeconds: sum(fields.slice(11, 15)) / TICKS_PER_SECOND,
      rssBytes: (fields[21] ?? 0) * 4_096,
    };
  } catch {
    return undefined;
  }
}

/**
 * CPU seconds (user and system) and resident bytes of a process and all its children (a postmaster with its backends), less the trees of
 * `without` (the daemons that are children of the main process).
 */
export function usageOfTree(
  root: number,
  without: readonly number[] = [],
): { cpuSeconds: number; rssBytes: number } {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat) stats.set(pid, stat);
  }
  const total = { cpuSeconds: 0, rssBytes: 0 };
  const add = (pid: number): void => {
    const stat = stats.get(pid);
    if (!stat) return;
    total.cpuSeconds += stat.cpuSeconds;
    total.rssBytes += stat.rssBytes;
    for (const [child, { parent }] of stats) if (parent === pid && !without.includes(child)) add(child);
  };
  add(root);
  return total;
}

import { readdirSync, readFileSync } from 'node:fs';

/** A process and everything below it, by /proc. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // The name in parentheses may hold anything; the parent is the second field behind it.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const tree = [pid];
  for (const parent of tree) tree.push(...(children.get(parent) ?? []));
  return tree;
}

/** Freezes a server with all its processes until the returned function is called: it is there, and answers nothing. */
export function freeze(pid: number): () => void {
  const frozen = new Set<number>();
  // The head first, so that it forks nobody while we go on.
  for (const member of [pid, ...processTree(pid), ...processTree(pid)]) {
    if (!frozen.has(member)) signal(member, 'SIGSTOP');
    frozen.add(member);
  }
  return () => {
    for (const member of frozen) signal(member, 'SIGCONT');
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

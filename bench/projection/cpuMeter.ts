import { usageOfTree } from '../support/procStat.js';

/** CPU seconds a process, from its beginning on. */
type Reading = Readonly<Record<string, number>>;

/** Tells what each process used between two moments. This process counts as `bench`, without the servers that are its children. */
export class CpuMeter {
  readonly #pids: Readonly<Record<string, number>>;
  #before: Reading;

  constructor(pids: Readonly<Record<string, number>>) {
    this.#pids = pids;
    this.#before = this.#read();
  }

  /** Since it was made or asked last: CPU seconds (user and system) a process for 100,000 events, and their sum. */
  per100k(events: number): Reading {
    const after = this.#read();
    const used = Object.entries(after).map(
      ([name, seconds]) => [name, ((seconds - (this.#before[name] ?? 0)) / events) * 100_000] as const,
    );
    this.#before = after;
    const all = used.reduce((sum, [, seconds]) => sum + seconds, 0);
    return Object.fromEntries(
      [...used, ['all', all] as const].map(([name, value]) => [name, rounded(value)]),
    );
  }

  #read(): Reading {
    const servers = Object.entries(this.#pids).map(([name, pid]) => [name, usageOfTree(pid).cpuSeconds]);
    const { user, system } = process.cpuUsage();
    return Object.fromEntries([...servers, ['bench', (user + system) / 1e6]]);
  }
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

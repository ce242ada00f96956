import { setTimeout as sleep } from 'node:timers/promises';
import type { System } from './ports.js';
import type { NatsObserver } from './processes/natsObserver.js';
import { openCommands, projectedTo } from './processes/postgresObserver.js';

const POLL_MS = 250;
/** Twice the same answer in a row: what is taken from one place and not yet in the next must not look like the end. */
const SAME_ANSWERS = 3;

/** Whether everything accepted has ended, and is read everywhere. */
export interface Settled {
  readonly settled: boolean;
  /** Ms that it took. */
  readonly tookMs: number;
  /** What is still open, in words; empty when it is settled. */
  readonly open: readonly string[];
  /** Messages that lie in the parking though all that was accepted has ended. */
  readonly leftParked: number;
}

/**
 * Waits until nothing lies in front of the workers, no command is open, and both databases show the whole log; gives up after `limitMs`
 * and says what is open then.
 */
export async function settle(
  system: System,
  observer: NatsObserver,
  limitMs: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<Settled> {
  const beganMs = performance.now();
  let quiet = 0;
  let last: readonly string[] = ['nothing was asked yet'];
  for (;;) {
    const before = await observer.logEnd().catch(() => -1);
    last = await openThings(system, observer, before).catch((error: unknown) => [
      `a question failed: ${error instanceof Error ? error.message : String(error)}`,
    ]);
    quiet = last.length === 0 ? quiet + 1 : 0;
    const tookMs = Math.round(performance.now() - beganMs);
    const settled = quiet >= SAME_ANSWERS;
    if (settled || tookMs > limitMs || signal.aborted)
      return { settled, tookMs, open: last, leftParked: await parkedNow(system, observer) };
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

const parkedNow = async ({ partitions }: System, observer: NatsObserver): Promise<number> =>
  (await observer.backlog(partitions).catch(() => undefined))?.parked ?? 0;

async function openThings(system: System, observer: NatsObserver, logEnd: number): Promise<string[]> {
  const { primaryUrl, replicaUrl } = system.postgres;
  const [backlog, open, primary, replica, endAfter] = await Promise.all([
    observer.backlog(system.partitions),
    openCommands(primaryUrl),
    projectedTo(primaryUrl),
    projectedTo(replicaUrl),
    observer.logEnd(),
  ]);
  const things: string[] = [];
  if (backlog.commands > 0) things.push(`${backlog.commands} messages not acknowledged by a worker`);
  // What has been parked and has ended may lie there for a while; by itself it is nothing that is owed.
  const parked = backlog.parked > 0 ? ` (${backlog.parked} parked)` : '';
  if (open.count > 0) things.push(`${open.count} commands open${parked}: ${open.some.join(', ')}`);
  if (primary < logEnd) things.push(`the primary is at ${primary} of ${logEnd}`);
  if (replica < logEnd) things.push(`the standby is at ${replica} of ${logEnd}`);
  if (endAfter !== logEnd) things.push('the log grows');
  return things;
}

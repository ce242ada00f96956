import type { LoggedEvent } from '../../src/events/event.js';
import type { LogPort } from '../../src/workers/ports.js';

/** Every event that the log holds now, in order. */
export async function loggedIn(log: Pick<LogPort, 'end' | 'follow'>): Promise<LoggedEvent[]> {
  const end = await log.end();
  const all: LoggedEvent[] = [];
  const stop = new AbortController();
  if (end === 0) return all;
  for await (const chunk of log.follow(0, stop.signal)) {
    all.push(...chunk.events());
    if (chunk.seq >= end) break;
  }
  stop.abort();
  return all;
}

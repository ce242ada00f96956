import type { HistoryRecord } from '../../history.js';
import type { Evidence } from '../evidence.js';
import { groupBy } from '../groupBy.js';
import { indexOf, type PlacedEvent } from '../logIndex.js';
import { timeOf } from '../operations.js';
import type { Invariant, Verdict, Violation } from '../violation.js';

type Feed = Extract<HistoryRecord, { kind: 'feed' }>;

/** How long before its end a watcher may have been behind. */
const BEHIND_MS = 10_000;

/**
 * I10: what a live watcher got is its session's events in the order of the log, each once, from where it asked on; where something is
 * missing it was told so (`reset`). And who watches to the end has everything.
 */
export const liveFeedsHaveNoGap: Invariant = {
  id: 'I10',
  title: 'live feeds without a gap, or an explicit resync',
  check(evidence): Verdict {
    const feeds = evidence.history.filter((record): record is Feed => record.kind === 'feed');
    const sessions = groupBy(indexOf(evidence.log).events, ({ event }) => event.sessionId);
    const watchers = groupBy(feeds, ({ watcher }) => watcher);
    return {
      checked: feeds.filter(({ happened }) => happened === 'event').length,
      violations: [...watchers.values()].flatMap((own) =>
        follow(own, sessions.get(own[0]?.session ?? '') ?? []),
      ),
    };
  },
};

function follow(feed: readonly Feed[], events: readonly PlacedEvent[]): Violation[] {
  const violations: Violation[] = [];
  // A client keeps its place over reconnects; the server is told it as Last-Event-ID.
  let cursor = 0;
  let gapAllowed = false;
  const breach = (detail: string, record: Feed, missing: readonly PlacedEvent[] = []): void => {
    const [first] = missing;
    violations.push({
      invariant: 'I10',
      detail: `${record.watcher}: ${detail}`,
      commandId: first?.event.commandId,
      atMs: timeOf(record),
      evidence: {
        history: record,
        log: missing.slice(0, 5).map(({ seq, event }) => ({ seq, type: event.type })),
      },
    });
  };
  for (const record of feed) {
    const seq = record.seq ?? 0;
    switch (record.happened) {
      case 'open':
        if ((record.after ?? 0) !== cursor)
          breach(`asked from ${record.after ?? 0}, but was at ${cursor}`, record);
        cursor = record.after ?? 0;
        gapAllowed = false;
        break;
      case 'reset':
        if (record.from === 'beginning') cursor = 0;
        else gapAllowed = true;
        break;
      case 'event': {
        if (seq <= cursor) breach(`event ${seq} came again behind ${cursor}`, record);
        const missing = events.filter((event) => event.seq > cursor && event.seq < seq);
        if (missing.length > 0 && !gapAllowed)
          breach(`${missing.length} events before ${seq} never came`, record, missing);
        const here = events.find((event) => event.seq === seq);
        if (here?.event.eventId !== record.eventId && record.eventId !== undefined)
          breach(`event ${seq} is not the log's`, record, here ? [here] : []);
        cursor = Math.max(cursor, seq);
        gapAllowed = false;
        break;
      }
      case 'close':
        break;
    }
  }
  const last = feed.at(-1);
  if (last?.happened === 'close' && last.reason === 'watched to the end') {
    const missed = events.filter(({ seq, tsMs }) => seq > cursor && tsMs < timeOf(last) - BEHIND_MS);
    if (missed.length > 0) breach(`${missed.length} events never came before it ended`, last, missed);
  }
  return violations;
}

/** For the report: resyncs that watchers were told of. */
export const resyncsOf = ({ history }: Pick<Evidence, 'history'>): number =>
  history.filter((record) => record.kind === 'feed' && record.happened === 'reset').length;

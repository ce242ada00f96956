import { isEnd } from '../events/event.js';
import { isTerminal } from '../events/outcome.js';
import {
  type CommandView,
  moreAdvanced,
  viewOfAccepted,
  viewOfEnd,
  viewOfRow,
  viewOfStatus,
  withBeginning,
} from './commandView.js';
import type { Feed, WorkerQueries } from './ports.js';
import { ReadModelsBehindError } from './readErrors.js';
import type { ReadAnswer, ReadModels } from './readPort.js';
import type { RecentAccepts } from './recentAccepts.js';

export interface LookupPorts {
  readonly reads: ReadModels;
  readonly queries: WorkerQueries;
  readonly feed: Feed;
  readonly recent: RecentAccepts;
}

export type Found =
  /** `row`: what the read models said of it, where they were asked and answered. */
  | { readonly kind: 'found'; readonly view: CommandView; readonly row?: Row | undefined }
  | { readonly kind: 'unknown'; readonly row?: Row | undefined }
  /** Nobody who answered knows it, and the read models did not answer. */
  | { readonly kind: 'unreachable'; readonly cause: unknown };

type Row = ReadAnswer<unknown>;

/** Read your writes: the read model when it has the outcome, else the more advanced of it, the workers and this process. */
export async function lookUp(ports: LookupPorts, commandId: string): Promise<Found> {
  let view: CommandView | undefined;
  let cause: unknown;
  let row: Row | undefined;
  try {
    const answer = await ports.reads.commandById(commandId);
    row = answer;
    if (answer.data) view = viewOfRow(answer.data, answer.source);
  } catch (error) {
    // Whoever asks for the log up to a place is not helped by somebody else's word.
    if (error instanceof ReadModelsBehindError) return { kind: 'unreachable', cause: error };
    cause = error;
  }
  if (view && isTerminal(view.state)) return { kind: 'found', view, row };
  const accepted = ports.recent.get(commandId);
  const others = [
    ...(await askWorkers(ports.queries, commandId)),
    ...(accepted ? [viewOfAccepted(commandId, accepted)] : []),
  ];
  const beginning = ports.feed.beginning(commandId);
  for (const other of others) {
    const begun = withBeginning(other, beginning);
    view = view ? moreAdvanced(view, begun) : begun;
  }
  if (view) return { kind: 'found', view, row };
  return cause === undefined ? { kind: 'unknown', row } : { kind: 'unreachable', cause };
}

async function askWorkers(queries: WorkerQueries, commandId: string): Promise<CommandView[]> {
  try {
    return (await queries.status([commandId])).map(viewOfStatus);
  } catch {
    // A worker that cannot be asked is one that knows nothing: the other sources answer.
    return [];
  }
}

/**
 * The terminal view of a command, or undefined when there is none within `waitMs` or before the abort. Listens first and
 * looks second, so that an outcome in between is not missed; looks once more at the end, should the feed be behind.
 */
export async function awaitOutcome(
  ports: LookupPorts,
  commandId: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<CommandView | undefined> {
  const enough = new AbortController();
  const fromFeed = ports.feed
    .terminal(commandId, waitMs, AbortSignal.any([signal, enough.signal]))
    .then((logged) => (logged && isEnd(logged.event) ? viewOfEnd(logged.event, logged) : undefined));
  const settled = async (): Promise<CommandView | undefined> => {
    const found = await lookUp(ports, commandId);
    return found.kind === 'found' && isTerminal(found.view.state) ? found.view : undefined;
  };
  try {
    const first = await Promise.race([fromFeed, settled().then((view) => view ?? fromFeed)]);
    if (first) return withOrigin(first, ports);
    return signal.aborted ? undefined : await settled();
  } finally {
    enough.abort();
    // The feed's own promise may still reject after the race is lost: that is nobody's error any more.
    fromFeed.catch(() => {});
  }
}

/** An event does not repeat who asked for it; this process may have seen it begin, or accepted it. */
function withOrigin(view: CommandView, { feed, recent }: LookupPorts): CommandView {
  const begun = withBeginning(view, feed.beginning(view.commandId));
  const accepted = recent.get(view.commandId);
  return accepted ? moreAdvanced(begun, viewOfAccepted(view.commandId, accepted)) : begun;
}

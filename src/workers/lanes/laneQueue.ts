import type { LaneUse } from '../../commands/catalogue.js';
import { intentsOf, laneUseOf } from './laneUse.js';
import type { Task } from './task.js';

/** Turns by which one step of priority comes first: 9 overtakes 5 for 64 turns, and 0 waits for 144 turns at most. */
export const TURNS_PER_PRIORITY = 16;
const PRIORITIES = 10;

interface Session {
  readonly waiting: Task[];
  /** One of its commands runs: the others wait for its end. */
  busy: boolean;
  /** Where its head stands in line; undefined while it is busy. */
  place: { readonly line: Map<string, number>; readonly use: LaneUse } | undefined;
}

/**
 * The commands of one editor that wait in memory: in order within each session, one of a session at a time. Between sessions the head
 * with the highest priority goes first, and waiting counts: a head of priority p that became its session's head at turn t has the rank
 * t + TURNS_PER_PRIORITY × (9 - p), and the lowest rank goes first (of equal ranks the lower priority, which has waited for longer).
 * So with S sessions waiting, a head that may run is taken after at most TURNS_PER_PRIORITY × (9 - p) + S - 1 others, and with equal
 * priorities after at most S - 1: sessions in turn. Commands that need the editor and those beside it are two such lines. A session
 * whose head waits for its backoff lets the others pass.
 *
 * One comes before all that: a change that may have reached the editor already. Whoever touched its file now could bring it back to where
 * that change began, and then nobody could tell any more that it has taken effect: it would be made twice (simulation, seed 201416).
 */
export class LaneQueue {
  readonly #sessions = new Map<string, Session>();
  /** For each use and priority: sessions by the turn at which their head came first, which is their order here. */
  readonly #lines: Record<LaneUse, (Map<string, number> | undefined)[]> = {
    exclusive: lines(),
    beside: lines(),
  };
  readonly #turns: Record<LaneUse, number> = { exclusive: 0, beside: 0 };
  /** Sessions whose head may have changed this editor's files. */
  readonly #inDoubt = new Set<string>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(task: Task): void {
    const { sessionId } = task.command;
    const session = this.#sessionOf(sessionId);
    session.waiting.push(task);
    this.#size++;
    this.#line(sessionId, session);
  }

  /** Back to the head of its session, which may go on with it. */
  putBack(task: Task): void {
    const { sessionId } = task.command;
    const session = this.#sessionOf(sessionId);
    session.waiting.unshift(task);
    this.#size++;
    this.#unline(sessionId, session);
    session.busy = false;
    this.#line(sessionId, session);
  }

  /** The command that was taken has ended: its session may go on. */
  free(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (!session?.busy) return;
    session.busy = false;
    if (session.waiting.length === 0) this.#sessions.delete(sessionId);
    else this.#line(sessionId, session);
  }

  /**
   * The next command whose session may go on at `nowMs`; its session is busy until `free` or `putBack`. Undefined when all wait (see
   * `nextReadyMs`) or none is left.
   */
  take(nowMs: number, use: LaneUse): Task | undefined {
    const chosen =
      use === 'exclusive' && this.#inDoubt.size > 0 ? this.#doubtful(nowMs) : this.#ranked(nowMs, use);
    if (!chosen) return undefined;
    const { session, sessionId } = chosen;
    this.#unline(sessionId, session);
    session.busy = true;
    this.#turns[use]++;
    this.#size--;
    return session.waiting.shift();
  }

  #doubtful(nowMs: number): { sessionId: string; session: Session } | undefined {
    for (const sessionId of this.#inDoubt) {
      const session = this.#sessions.get(sessionId);
      if (session && (session.waiting[0]?.notBeforeMs ?? 0) <= nowMs) return { sessionId, session };
    }
    return undefined;
  }

  #ranked(nowMs: number, use: LaneUse): { sessionId: string; session: Session } | undefined {
    let best: { sessionId: string; session: Session; rank: number } | undefined;
    const lines = this.#lines[use];
    for (let priority = 0; priority < PRIORITIES; priority++)
      for (const [sessionId, turn] of lines[priority] ?? NOBODY) {
        const session = this.#sessions.get(sessionId);
        if (!session || (session.waiting[0]?.notBeforeMs ?? 0) > nowMs) continue;
        const rank = turn + TURNS_PER_PRIORITY * (PRIORITIES - 1 - priority);
        if (!best || rank < best.rank) best = { sessionId, session, rank };
        break;
      }
    return best;
  }

  /** When the first session that is not busy may go on; undefined when there is none. */
  nextReadyMs(use: LaneUse): number | undefined {
    let earliest: number | undefined;
    const doubt = use === 'exclusive' && this.#inDoubt.size > 0;
    for (const line of doubt ? [this.#inDoubt] : this.#lines[use])
      for (const sessionId of (line ?? NOBODY).keys()) {
        const head = this.#sessions.get(sessionId)?.waiting[0];
        if (head && (earliest === undefined || head.notBeforeMs < earliest)) earliest = head.notBeforeMs;
      }
    return earliest;
  }

  /** What waits of one session, in order. */
  of(sessionId: string): readonly Task[] {
    return this.#sessions.get(sessionId)?.waiting ?? [];
  }

  get sessionIds(): string[] {
    return [...this.#sessions.keys()];
  }

  /** Takes out what waits of a session from its `first` (from 0) on. */
  removeFrom(sessionId: string, first: number): Task[] {
    const session = this.#sessions.get(sessionId);
    if (!session) return [];
    const removed = session.waiting.splice(first);
    this.#size -= removed.length;
    if (session.waiting.length === 0) {
      this.#unline(sessionId, session);
      if (!session.busy) this.#sessions.delete(sessionId);
    }
    return removed;
  }

  /** Takes out what `matches`, in the order the commands were accepted. */
  remove(matches: (task: Task) => boolean): Task[] {
    const removed: Task[] = [];
    for (const [sessionId, session] of this.#sessions) {
      const [head] = session.waiting;
      const out = session.waiting.filter(matches);
      if (out.length === 0) continue;
      removed.push(...out);
      const gone = new Set(out);
      const stay = session.waiting.filter((task) => !gone.has(task));
      session.waiting.splice(0, session.waiting.length, ...stay);
      if (stay.length === 0 || stay[0] !== head) this.#unline(sessionId, session);
      if (stay.length > 0) this.#line(sessionId, session);
      else if (!session.busy) this.#sessions.delete(sessionId);
    }
    this.#size -= removed.length;
    return removed.sort(byPlace);
  }

  /** Takes out what `verdictOf` has something to say about, with that. */
  withdraw<T>(verdictOf: (task: Task) => T | undefined): (readonly [Task, T])[] {
    const verdicts = new Map<Task, T>();
    const gone = this.remove((task) => {
      const verdict = verdictOf(task);
      if (verdict !== undefined) verdicts.set(task, verdict);
      return verdict !== undefined;
    });
    return gone.map((task) => [task, verdicts.get(task) as T] as const);
  }

  /** Empties the queue, in the order the commands were accepted. */
  removeAll(): Task[] {
    return this.remove(() => true);
  }

  tasks(): Task[] {
    return [...this.#sessions.values()].flatMap(({ waiting }) => waiting);
  }

  #sessionOf(sessionId: string): Session {
    const known = this.#sessions.get(sessionId);
    if (known) return known;
    const session: Session = { waiting: [], busy: false, place: undefined };
    this.#sessions.set(sessionId, session);
    return session;
  }

  #line(sessionId: string, session: Session): void {
    const [head] = session.waiting;
    if (!head || session.busy || session.place) return;
    const use = useOf(head);
    const priority = Math.max(0, Math.min(PRIORITIES - 1, head.command.priority));
    const line = this.#lines[use][priority] ?? new Map<string, number>();
    this.#lines[use][priority] = line;
    line.set(sessionId, this.#turns[use]);
    session.place = { line, use };
    if (use === 'exclusive' && isInDoubt(head)) this.#inDoubt.add(sessionId);
  }

  #unline(sessionId: string, session: Session): void {
    session.place?.line.delete(sessionId);
    session.place = undefined;
    this.#inDoubt.delete(sessionId);
  }
}

export const useOf = ({ command, started }: Task): LaneUse => laneUseOf(command, started);

/**
 * May have changed a file of the lane's own editor, here or in an earlier life, and has not been looked after since. A build too: whoever
 * else is in doubt waits until somebody watches it, and would keep it from being taken up (20 minutes of chaos, seed twenty).
 */
export function isInDoubt({ command, mayHaveRun, change, unit, started }: Task): boolean {
  if (!mayHaveRun) return false;
  if (started?.build) return true;
  const planned = change ? [change] : (unit?.files.map(({ prepared }) => prepared) ?? []);
  const intents = planned.length > 0 || !started ? planned : intentsOf(started);
  return intents.some(({ editor }) => editor === command.editor);
}

/** Made as they are needed: most lanes see one priority. */
const lines = (): undefined[] => new Array<undefined>(PRIORITIES).fill(undefined);
const NOBODY: ReadonlyMap<string, number> = new Map();

export const byPlace = (left: Task, right: Task): number =>
  left.command.position.seq - right.command.position.seq ||
  left.command.position.index - right.command.position.index;

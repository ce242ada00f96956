import type { Task } from './task.js';

/**
 * The commands of one editor that wait in memory: in order within each session, sessions taken in turn. A session whose head waits
 * for its backoff lets the others pass. With S sessions waiting, a command's turn comes after at most S - 1 others per command ahead
 * of it in its own session.
 */
export class LaneQueue {
  /** Insertion order is the order of turns: a session that was served goes to the end. */
  readonly #sessions = new Map<string, Task[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(task: Task): void {
    const { sessionId } = task.command;
    const waiting = this.#sessions.get(sessionId);
    if (waiting) waiting.push(task);
    else this.#sessions.set(sessionId, [task]);
    this.#size++;
  }

  /** Back to the head of its session, which keeps its next turn. */
  putBack(task: Task): void {
    const { sessionId } = task.command;
    const waiting = this.#sessions.get(sessionId) ?? [];
    waiting.unshift(task);
    this.#sessions.set(sessionId, waiting);
    this.#size++;
  }

  /** The next command whose session may go on at `nowMs`; undefined when all wait (see `nextReadyMs`) or none is left. */
  take(nowMs: number): Task | undefined {
    for (const [sessionId, waiting] of this.#sessions) {
      const [head] = waiting;
      if (!head || head.notBeforeMs > nowMs) continue;
      waiting.shift();
      this.#sessions.delete(sessionId);
      if (waiting.length > 0) this.#sessions.set(sessionId, waiting);
      this.#size--;
      return head;
    }
    return undefined;
  }

  /** When the first waiting session may go on; undefined when nothing waits. */
  nextReadyMs(): number | undefined {
    let earliest: number | undefined;
    for (const [head] of this.#sessions.values())
      if (head && (earliest === undefined || head.notBeforeMs < earliest)) earliest = head.notBeforeMs;
    return earliest;
  }

  /** Empties the queue, in the order the commands were accepted. */
  removeAll(): Task[] {
    const all = [...this.#sessions.values()].flat();
    this.#sessions.clear();
    this.#size = 0;
    return all.sort(
      (left, right) =>
        left.command.position.seq - right.command.position.seq ||
        left.command.position.index - right.command.position.index,
    );
  }

  tasks(): Task[] {
    return [...this.#sessions.values()].flat();
  }
}

import type { Claims } from '../ledger/claims.js';
import { type SettleContext, settle } from '../ledger/settle.js';
import type { WorkerState } from '../ledger/workerState.js';
import type { ParkedBatch } from '../ports.js';
import type { ParkedLane } from './parkedLane.js';
import { type FinalVerdict, newTask, type Task } from './task.js';

interface EndsDependencies {
  readonly claims: Claims;
  readonly state: WorkerState;
  readonly settle: SettleContext;
  /** Nothing more is to be done about this one: it has ended, or is not parked any more, or goes on. */
  readonly handled: (commandId: string) => void;
}

/** A parked command that may have to end. */
export interface ParkedWish {
  readonly commandId: string;
  readonly sessionId: string;
  /** Undefined: it stays. */
  readonly verdictOf: (task: Task) => FinalVerdict | undefined;
}

/**
 * Ends commands where they are parked. Of an editor's parking there is one scan at a time, which reads each batch once and one batch
 * at a time, whatever number of commands is to end: what is wished meanwhile is looked for in the next scan.
 */
export class ParkedEnds {
  readonly #deps: EndsDependencies;
  /** By editor, of those that are being scanned: what the next scan looks for. */
  readonly #next = new Map<string, ParkedWish[]>();

  constructor(deps: EndsDependencies) {
    this.#deps = deps;
  }

  scanning(editor: string): boolean {
    return this.#next.has(editor);
  }

  /** Resolves nothing: an end is told by the log. What cannot be found for now is not `handled`. */
  end(editor: string, parked: ParkedLane, wishes: readonly ParkedWish[]): void {
    const next = this.#next.get(editor);
    if (next) for (const wish of wishes) next.push(wish);
    else {
      this.#next.set(editor, [...wishes]);
      this.#scanAll(editor, parked).catch(this.#deps.settle.fatal);
    }
  }

  async #scanAll(editor: string, parked: ParkedLane): Promise<void> {
    try {
      for (let wishes = this.#next.get(editor); wishes?.length; wishes = this.#next.get(editor)) {
        this.#next.set(editor, []);
        await this.#scan(editor, parked, wishes);
      }
    } finally {
      this.#next.delete(editor);
    }
  }

  async #scan(editor: string, parked: ParkedLane, wishes: readonly ParkedWish[]): Promise<void> {
    const { claims, settle: context, handled } = this.#deps;
    const wanted = new Map(wishes.map((wish) => [wish.commandId, wish]));
    const sessions = new Set(wishes.map(({ sessionId }) => sessionId));
    const complete = await parked.scan(sessions, async (batch) => {
      // Ended one batch after the other: what is on its way to the log is never more than that.
      if (this.#endThoseOf(batch, wanted)) await context.logOf(editor).append([]);
      return wanted.size === 0;
    });
    // Not there although all was read; or fetched meanwhile, and then it meets the wish on its way through the lane.
    for (const commandId of wanted.keys())
      if (complete || !claims.find(commandId)?.parked) handled(commandId);
  }

  /** True when any has ended. */
  #endThoseOf({ parkedSeq, commands }: ParkedBatch, wanted: Map<string, ParkedWish>): boolean {
    const { claims, state, settle: context, handled } = this.#deps;
    let any = false;
    for (const command of commands) {
      const { commandId } = command;
      const wish = wanted.get(commandId);
      if (!wish) continue;
      wanted.delete(commandId);
      handled(commandId);
      const claim = claims.find(commandId);
      if (!claim?.parked || state.done.has(command.position)) continue;
      const origin = { kind: 'parked', parkedSeq } as const;
      const task = newTask(command, origin, state.open.get(commandId), claim.progress);
      const verdict = wish.verdictOf(task);
      if (!verdict) continue;
      // Claimed before it ends, so that nobody runs it beside that.
      claims.hold(command, true);
      settle(task, verdict, context);
      any = true;
    }
    return any;
  }
}

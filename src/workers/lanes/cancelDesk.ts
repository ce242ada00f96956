import type { Command } from '../../commands/envelope.js';
import type { Claims } from '../ledger/claims.js';
import { type SettleContext, settle } from '../ledger/settle.js';
import type { WorkerState } from '../ledger/workerState.js';
import type { CancelRequest } from '../ports.js';
import { cancelledBy, mayCancel, PendingCancels } from './cancellation.js';
import { expiredAt } from './expiry.js';
import type { Lane } from './lane.js';
import { ParkedEnds, type ParkedWish } from './parkedEnds.js';
import type { ParkedLane } from './parkedLane.js';
import type { Task } from './task.js';

interface DeskDependencies {
  readonly claims: Claims;
  readonly state: WorkerState;
  readonly settle: SettleContext;
  readonly laneOf: (editor: string) => { readonly lane: Lane; readonly parked: ParkedLane } | undefined;
}

/**
 * Cancels commands wherever they are: not delivered yet, in memory, parked, running or watched. A command ends once, in `settle`: what
 * waits is taken out of its queue first, and what is parked is claimed before it ends here, so that nobody runs it beside that.
 */
export class CancelDesk {
  readonly #deps: DeskDependencies;
  readonly #pending = new PendingCancels();
  readonly #ends: ParkedEnds;
  /** Of commands that are parked and not fetched, epoch ms. */
  readonly #deadlines = new Map<string, number>();

  constructor(deps: DeskDependencies) {
    this.#deps = deps;
    this.#ends = new ParkedEnds({
      handled: (commandId) => this.#deadlines.delete(commandId),
      ...deps,
    });
  }

  cancel(request: CancelRequest): void {
    const claim = this.#deps.claims.find(request.commandId);
    const at = claim && this.#deps.laneOf(claim.editor);
    // Not given to this worker yet; or ended long ago, and then it never comes.
    if (!claim || !at) this.#pending.remember(request);
    else if (claim.parked) {
      this.#pending.remember(request);
      const { commandId } = request;
      const verdictOf = (task: Task) => {
        if (!mayCancel(task)) return undefined;
        this.#pending.take(commandId);
        return cancelledBy(request);
      };
      this.#ends.end(claim.editor, at.parked, [{ commandId, sessionId: claim.sessionId, verdictOf }]);
    } else if (at.lane.cancel(request)) this.askAgain(at.lane);
    // On its way into the parking (see `moved`), or its end is on its way to the log.
    else this.#pending.remember(request);
  }

  /** A command leaves with its lane: a wish that was given to it is kept for whoever takes it up. */
  keep({ cancel }: Task): void {
    if (cancel) this.#pending.remember(cancel);
  }

  /** A command has been moved to the parking: a wish that came on the way is granted now. */
  moved({ commandId, deadline }: Command): void {
    if (deadline !== null) this.#deadlines.set(commandId, Date.parse(deadline));
    const request = this.#pending.take(commandId);
    if (request) this.cancel(request);
  }

  /** Ends what is parked and past its deadline, so that nobody has to wait for an editor to hear that. */
  expireParked(nowMs: number): void {
    const due = new Map<string, { parked: ParkedLane; wishes: ParkedWish[] }>();
    const verdictOf = ({ started, command }: Task) => (started ? undefined : expiredAt(command, nowMs));
    for (const [commandId, deadlineMs] of this.#deadlines) {
      if (deadlineMs > nowMs) continue;
      const claim = this.#deps.claims.find(commandId);
      const at = claim?.parked ? this.#deps.laneOf(claim.editor) : undefined;
      if (!claim || !at) this.#deadlines.delete(commandId);
      // Those of a scan that goes on are not handed over again; the next turn takes what it leaves.
      else if (!this.#ends.scanning(claim.editor)) {
        const { sessionId, editor } = claim;
        const ofEditor = due.get(editor) ?? { parked: at.parked, wishes: [] };
        due.set(editor, ofEditor);
        ofEditor.wishes.push({ commandId, sessionId, verdictOf });
      }
    }
    for (const [editor, { parked, wishes }] of due) this.#ends.end(editor, parked, wishes);
  }

  /** Looks at a command that is about to enter its lane; true when it has ended instead. */
  ends(task: Task): boolean {
    const { commandId } = task.command;
    this.#deadlines.delete(commandId);
    const request = this.#pending.take(commandId);
    if (!request) return false;
    task.cancel = request;
    if (!mayCancel(task)) return false;
    settle(task, cancelledBy(request), this.#deps.settle);
    return true;
  }

  /** A build ends as cancelled once its editor says so; an editor that could not take it is asked again. */
  askAgain(lane: Lane): void {
    for (const task of lane.look().detached) {
      if (!task.cancel || task.cancelAsked) continue;
      const asked = this.#deps.state.builds.cancel(task.command.commandId);
      if (!asked) continue;
      task.cancelAsked = true;
      asked
        .then((taken) => {
          task.cancelAsked = taken;
        })
        .catch(() => {
          task.cancelAsked = false;
        });
    }
  }
}

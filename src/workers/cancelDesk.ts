import type { Command } from '../commands/envelope.js';
import { cancelledBy, mayCancel, PendingCancels } from './cancellation.js';
import type { Claims } from './claims.js';
import { expiredAt } from './expiry.js';
import type { Lane } from './lane.js';
import type { ParkedLane } from './parkedLane.js';
import type { CancelRequest } from './ports.js';
import { type SettleContext, settle } from './settle.js';
import { type FinalVerdict, newTask, type Task } from './task.js';
import type { WorkerState } from './workerState.js';

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
  /** Of parked commands, epoch ms. */
  readonly #deadlines = new Map<string, number>();

  constructor(deps: DeskDependencies) {
    this.#deps = deps;
  }

  cancel(request: CancelRequest): void {
    const claim = this.#deps.claims.find(request.commandId);
    const at = claim && this.#deps.laneOf(claim.editor);
    // Not given to this worker yet; or ended long ago, and then it never comes.
    if (!claim || !at) this.#pending.remember(request);
    else if (claim.parked) {
      this.#pending.remember(request);
      this.#endParked(at.parked, claim.sessionId, request.commandId, (task) =>
        mayCancel(task) ? cancelledBy(request) : undefined,
      ).catch(this.#deps.settle.fatal);
    } else if (at.lane.cancel(request)) this.askAgain(at.lane);
    // On its way into the parking (see `moved`), or its end is on its way to the log.
    else this.#pending.remember(request);
  }

  /** A command has been moved to the parking: a wish that came on the way is granted now. */
  moved({ commandId, deadline }: Command): void {
    if (deadline !== null) this.#deadlines.set(commandId, Date.parse(deadline));
    const request = this.#pending.take(commandId);
    if (request) this.cancel(request);
  }

  /** Ends what is parked and past its deadline, so that nobody has to wait for an editor to hear that. */
  expireParked(nowMs: number): void {
    for (const [commandId, deadlineMs] of this.#deadlines) {
      if (deadlineMs > nowMs) continue;
      this.#deadlines.delete(commandId);
      const claim = this.#deps.claims.find(commandId);
      const at = claim?.parked ? this.#deps.laneOf(claim.editor) : undefined;
      if (!claim || !at) continue;
      this.#endParked(at.parked, claim.sessionId, commandId, ({ started, command }) =>
        started ? undefined : expiredAt(command, nowMs),
      ).catch(this.#deps.settle.fatal);
    }
  }

  /** Looks at a command that is about to enter its lane; true when it has ended instead. */
  ends(task: Task): boolean {
    const request = this.#pending.take(task.command.commandId);
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

  async #endParked(
    parked: ParkedLane,
    sessionId: string,
    commandId: string,
    verdictOf: (task: Task) => FinalVerdict | undefined,
  ): Promise<void> {
    const { claims, state, settle: context } = this.#deps;
    const found = await parked.find(sessionId, commandId);
    const claim = claims.find(commandId);
    // Fetched meanwhile: then it has met the wish, or meets its deadline, on its way through the lane.
    if (!found || !claim?.parked || state.done.has(found.command.position)) return;
    const { parkedSeq, command } = found;
    const task = newTask(command, { kind: 'parked', parkedSeq }, state.open.get(commandId), claim.progress);
    const verdict = verdictOf(task);
    if (!verdict) return;
    this.#pending.take(commandId);
    claims.hold(command, true);
    settle(task, verdict, context);
  }
}

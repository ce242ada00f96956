import type { NatsConnection } from 'nats';
import { isTerminal } from '../events/outcome.js';
import type { EditorLive, EditorsAnswer } from '../http/editorsPort.js';
import type { CommandStatus, UndoPlan, WorkerQueries } from '../http/ports.js';
import type { ReconcileAnswer } from '../workers/ports.js';
import { partitionOf } from './subjects.js';
import { questionSubject, type WorkerQuestion, type WorkerReply } from './workerRpc.js';

const STATUS_TIMEOUT_MS = 500;
const PLAN_TIMEOUT_MS = 10_000;
/** It is appended to the log before it is answered. */
const RECONCILE_TIMEOUT_MS = 5_000;

interface Told<T> {
  readonly owns: readonly number[];
  readonly answer: T;
}

/**
 * Asks the workers, each once: who owns which partition is remembered from what they answered last, so that with one worker a question is
 * one request. A partition that nobody owns answers nothing, and callers have another source.
 */
export class WorkerDirectory {
  readonly #nc: NatsConnection;
  readonly #partitions: number;
  readonly #homes = new Map<number, string>();

  constructor(nc: NatsConnection, partitions: number) {
    this.#nc = nc;
    this.#partitions = partitions;
  }

  /** The answers of all owners that answer in time. */
  async askAll<T>(question: WorkerQuestion, request: unknown, timeoutMs: number): Promise<Told<T>[]> {
    const first = this.#oneOfEach();
    const told = await this.#askEach<T>(question, request, timeoutMs, first);
    const covered = new Set([...first, ...told.flatMap(({ owns }) => [...owns])]);
    const rest = this.#all().filter((partition) => !covered.has(partition));
    if (rest.length === 0) return told;
    return [...told, ...(await this.#askEach<T>(question, request, timeoutMs, rest))];
  }

  async #askEach<T>(
    question: WorkerQuestion,
    request: unknown,
    timeoutMs: number,
    partitions: readonly number[],
  ): Promise<Told<T>[]> {
    const body = JSON.stringify(request);
    const replies = await Promise.all(
      partitions.map((partition) => this.#ask<T>(question, body, timeoutMs, partition)),
    );
    // One worker may own several of those asked.
    const byWorker = new Map(replies.flatMap((reply) => (reply ? [[reply.worker, reply] as const] : [])));
    return [...byWorker.values()].flatMap(({ owns, answer }) =>
      answer === undefined ? [] : [{ owns, answer }],
    );
  }

  async #ask<T>(
    question: WorkerQuestion,
    body: string,
    timeout: number,
    partition: number,
  ): Promise<WorkerReply<T> | undefined> {
    try {
      const message = await this.#nc.request(questionSubject(question, partition), body, { timeout });
      const reply = message.json<WorkerReply<T>>();
      for (const owned of reply.owns) this.#homes.set(owned, reply.worker);
      return reply;
    } catch {
      // No responders, a timeout, a closed connection: whoever had it has it no more.
      const home = this.#homes.get(partition);
      for (const [owned, worker] of this.#homes) if (worker === home) this.#homes.delete(owned);
      return undefined;
    }
  }

  #all(): number[] {
    return Array.from({ length: this.#partitions }, (_, partition) => partition);
  }

  /** One partition of each worker that is known, and all that are nobody's: the first of them when nothing is known. */
  #oneOfEach(): number[] {
    if (this.#homes.size === 0) return [0];
    const workers = new Set<string>();
    return this.#all().filter((partition) => {
      const home = this.#homes.get(partition);
      if (home === undefined) return true;
      const isNew = !workers.has(home);
      workers.add(home);
      return isNew;
    });
  }
}

/** The workers' word as other roles ask for it. */
export function createWorkerQueries(nc: NatsConnection, partitions: number): WorkerQueries {
  const directory = new WorkerDirectory(nc, partitions);
  return {
    status: async (commandIds) => {
      const told = await directory.askAll<CommandStatus[]>('status', commandIds, STATUS_TIMEOUT_MS);
      return furthest(told.flatMap(({ answer }) => answer));
    },
    editors: async () => {
      const told = await directory.askAll<EditorsAnswer>('editors', null, STATUS_TIMEOUT_MS);
      return told.length === 0 ? undefined : { editors: ownersWords(told, partitions) };
    },
    planUndo: async (request) => {
      const [told] = await directory.askAll<UndoPlan>('plan-undo', request, PLAN_TIMEOUT_MS);
      return told?.answer;
    },
    reconcile: async (request) => {
      const told = await directory.askAll<ReconcileAnswer>('reconcile', request, RECONCILE_TIMEOUT_MS);
      // Only the owner of the command's editor can; the others say that they are not.
      return told.map(({ answer }) => answer).sort((one, other) => weightOf(other) - weightOf(one))[0];
    },
  };
}

const weightOf = (answer: ReconcileAnswer): number => {
  if (answer.ok) return 3;
  // One that has not read so far yet does not know the command.
  if (answer.code === 'not_mine') return 0;
  return answer.code === 'not_unknown' ? 1 : 2;
};

/** How many commands the workers hold, in memory or parked; undefined when none answers. */
export function heldCommandsOf(nc: NatsConnection, partitions: number): () => Promise<number | undefined> {
  const directory = new WorkerDirectory(nc, partitions);
  return async () => {
    const told = await directory.askAll<number>('held', null, STATUS_TIMEOUT_MS);
    return told.length === 0 ? undefined : told.reduce((sum, { answer }) => sum + answer, 0);
  };
}

/** Several may know a command, of which one executes it: whoever has seen more of it is right. */
function furthest(statuses: readonly CommandStatus[]): CommandStatus[] {
  const best = new Map<string, CommandStatus>();
  for (const status of statuses) {
    const known = best.get(status.commandId);
    if (!known || rankOf(status) > rankOf(known)) best.set(status.commandId, status);
  }
  return [...best.values()];
}

function rankOf({ state, outcome, waiting }: CommandStatus): number {
  if (isTerminal(state)) return outcome ? 5 : 4;
  return (state === 'started' ? 2 : 0) + (waiting ? 1 : 0);
}

/** Of each editor what its partition's owner says; where that one is silent, what anybody says. */
function ownersWords(told: readonly Told<EditorsAnswer>[], partitions: number): EditorLive[] {
  const words = new Map<string, { live: EditorLive; owner: boolean }>();
  for (const { owns, answer } of told)
    for (const live of answer.editors) {
      const owner = owns.includes(partitionOf(live.editor, partitions));
      if (owner || !words.has(live.editor)) words.set(live.editor, { live, owner });
    }
  return [...words.values()]
    .map(({ live }) => live)
    .sort((one, other) => (one.editor < other.editor ? -1 : 1));
}

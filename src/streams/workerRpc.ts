import type { NatsConnection, Subscription } from 'nats';
import { messageOf } from '../core/errors.js';
import type { EditorsChanged } from '../http/editorsPort.js';
import type { ReconcileRequest, WorkerAnswers } from '../workers/ports.js';
import { SUBJECTS } from './subjects.js';

/** Questions of other roles to the workers: core NATS requests to a partition's owner, answered from its memory. */
export const WORKER_QUESTIONS = ['status', 'editors', 'plan-undo', 'reconcile', 'held'] as const;
export type WorkerQuestion = (typeof WORKER_QUESTIONS)[number];

/** What comes back: who answers, for which partitions, and what. */
export interface WorkerReply<T> {
  readonly worker: string;
  readonly owns: readonly number[];
  readonly answer?: T;
  readonly error?: string;
}

const RELEASED = `${SUBJECTS.internal}.released`;
/** The only one that ingest listens to. */
export const EDITORS_CHANGED = `${SUBJECTS.internal}.editors-changed`;

export const questionSubject = (question: WorkerQuestion, partition: number): string =>
  `${SUBJECTS.internal}.${question}.${partition}`;

/** A worker's ear: it hears what is asked of the partitions it owns. */
export class WorkerAnswering {
  readonly #nc: NatsConnection;
  readonly #workerId: string;
  readonly #answers: WorkerAnswers;
  readonly #subscriptions = new Map<number, Subscription[]>();

  constructor(nc: NatsConnection, workerId: string, answers: WorkerAnswers) {
    this.#nc = nc;
    this.#workerId = workerId;
    this.#answers = answers;
  }

  own(partition: number): void {
    if (this.#subscriptions.has(partition)) return;
    this.#subscriptions.set(
      partition,
      WORKER_QUESTIONS.map((question) => this.#serve(question, partition)),
    );
  }

  disown(partition: number): void {
    for (const subscription of this.#subscriptions.get(partition) ?? []) subscription.unsubscribe();
    this.#subscriptions.delete(partition);
  }

  disownAll(): void {
    for (const partition of [...this.#subscriptions.keys()]) this.disown(partition);
  }

  #serve(question: WorkerQuestion, partition: number): Subscription {
    return this.#nc.subscribe(questionSubject(question, partition), {
      callback: (error, message) => {
        if (error) return;
        void (async () => {
          const told = { worker: this.#workerId, owns: [...this.#subscriptions.keys()] };
          try {
            const request: unknown = message.data.length > 0 ? message.json() : null;
            const answer = await answerTo(this.#answers, question, request);
            message.respond(JSON.stringify({ ...told, answer }));
          } catch (failure) {
            message.respond(JSON.stringify({ ...told, error: messageOf(failure) }));
          }
        })();
      },
    });
  }
}

async function answerTo(
  answers: WorkerAnswers,
  question: WorkerQuestion,
  request: unknown,
): Promise<unknown> {
  switch (question) {
    case 'status':
      return answers.status(request as string[]);
    case 'editors':
      return answers.editors();
    case 'plan-undo':
      return answers.planUndo(request as Parameters<WorkerAnswers['planUndo']>[0]);
    case 'reconcile':
      return answers.reconcile(request as ReconcileRequest);
    case 'held':
      return answers.heldCommands();
  }
}

/** A worker that lost its partitions says so: what was delivered to it must be delivered again to the owner. */
export function tellReleased(nc: NatsConnection): void {
  if (!nc.isClosed()) nc.publish(RELEASED);
}

/** Only a word without a body: the server's acknowledgements of somebody's publish, which may be made to come here, have one. */
export function onReleased(nc: NatsConnection, listener: () => void): void {
  nc.subscribe(RELEASED, {
    callback: (error, message) => (error || message.data.length > 0 ? undefined : listener()),
  });
}

/** An owner says which editors have changed, so that nobody shows what was. At most once: caches end by themselves too. */
export function tellEditorsChanged(nc: NatsConnection, changed: EditorsChanged): void {
  if (!nc.isClosed()) nc.publish(EDITORS_CHANGED, JSON.stringify(changed));
}

export function onEditorsChanged(nc: NatsConnection, listener: (changed: EditorsChanged) => void): void {
  nc.subscribe(EDITORS_CHANGED, {
    callback: (error, message) => {
      const told = error ? undefined : editorsChangedOf(message.data);
      if (told) listener(told);
    },
  });
}

/** Undefined for what is no word of an owner: the server's acknowledgement of somebody's publish may be made to come here. */
function editorsChangedOf(data: Uint8Array): EditorsChanged | undefined {
  try {
    const told = JSON.parse(Buffer.from(data).toString()) as Partial<EditorsChanged> | null;
    return Array.isArray(told?.known) ? (told as EditorsChanged) : undefined;
  } catch {
    return undefined;
  }
}

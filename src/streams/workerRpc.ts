import type { NatsConnection } from 'nats';
import { messageOf } from '../core/errors.js';
import type { EditorsAnswer, EditorsChanged } from '../http/editorsPort.js';
import type { CommandStatus, UndoPlan, WorkerQueries } from '../http/ports.js';
import type { ReconcileAnswer, ReconcileRequest, WorkerAnswers } from '../workers/ports.js';
import { SUBJECTS } from './subjects.js';

/** Questions of other roles to the worker: core NATS requests, answered from its memory; no answer means no worker. */
const SUBJECT = {
  status: `${SUBJECTS.internal}.status`,
  editors: `${SUBJECTS.internal}.editors`,
  planUndo: `${SUBJECTS.internal}.plan-undo`,
  owner: `${SUBJECTS.internal}.owner`,
  reconcile: `${SUBJECTS.internal}.reconcile`,
  held: `${SUBJECTS.internal}.held`,
  released: `${SUBJECTS.internal}.released`,
} as const;
/** The only one that ingest listens to. */
export const EDITORS_CHANGED = `${SUBJECTS.internal}.editors-changed`;
const STATUS_TIMEOUT_MS = 500;
const PLAN_TIMEOUT_MS = 10_000;
/** It is appended to the log before it is answered. */
const RECONCILE_TIMEOUT_MS = 5_000;

/** Serves the questions until the returned stop is called. */
export function serveWorkerQueries(nc: NatsConnection, answers: WorkerAnswers): () => void {
  const subscriptions = [
    serve(nc, SUBJECT.status, (request) => answers.status(request as string[])),
    serve(nc, SUBJECT.editors, () => answers.editors()),
    serve(nc, SUBJECT.planUndo, (request) =>
      answers.planUndo(request as Parameters<WorkerAnswers['planUndo']>[0]),
    ),
    serve(nc, SUBJECT.reconcile, (request) => answers.reconcile(request as ReconcileRequest)),
    serve(nc, SUBJECT.owner, async () => ({ owner: true })),
    serve(nc, SUBJECT.held, async () => ({ commands: answers.heldCommands() })),
  ];
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

function serve(nc: NatsConnection, subject: string, answer: (request: unknown) => Promise<unknown>) {
  return nc.subscribe(subject, {
    callback: (error, message) => {
      if (error) return;
      void (async () => {
        try {
          message.respond(JSON.stringify(await answer(message.data.length > 0 ? message.json() : null)));
        } catch (failure) {
          message.respond(JSON.stringify({ error: messageOf(failure) }));
        }
      })();
    },
  });
}

/** Asks the worker; an absent one answers nothing. */
export function createWorkerQueries(nc: NatsConnection): WorkerQueries {
  return {
    status: async (commandIds) => {
      const answer = await ask<CommandStatus[]>(nc, SUBJECT.status, commandIds, STATUS_TIMEOUT_MS);
      return Array.isArray(answer) ? answer : [];
    },
    editors: () => ask<EditorsAnswer>(nc, SUBJECT.editors, null, STATUS_TIMEOUT_MS),
    planUndo: (request) => ask<UndoPlan>(nc, SUBJECT.planUndo, request, PLAN_TIMEOUT_MS),
    reconcile: (request) => ask<ReconcileAnswer>(nc, SUBJECT.reconcile, request, RECONCILE_TIMEOUT_MS),
  };
}

/** Whether some worker owns the partitions and answers. A paused one (SIGSTOP) does not: it may be taken over, the log fences it. */
export async function ownerAnswers(nc: NatsConnection): Promise<boolean> {
  return (await ask(nc, SUBJECT.owner, null, 2_000)) !== undefined;
}

/** A worker that lost its partitions says so: what was delivered to it must be delivered again to the owner. */
export function tellReleased(nc: NatsConnection): void {
  if (!nc.isClosed()) nc.publish(SUBJECT.released);
}

/** Only a word without a body: the server's acknowledgements of somebody's publish, which may be made to come here, have one. */
export function onReleased(nc: NatsConnection, listener: () => void): void {
  nc.subscribe(SUBJECT.released, {
    callback: (error, message) => (error || message.data.length > 0 ? undefined : listener()),
  });
}

/** How many commands the worker holds, in memory or parked; undefined when none answers. */
export async function askHeldCommands(nc: NatsConnection): Promise<number | undefined> {
  return (await ask<{ commands: number }>(nc, SUBJECT.held, null, STATUS_TIMEOUT_MS))?.commands;
}

async function ask<T>(
  nc: NatsConnection,
  subject: string,
  request: unknown,
  timeout: number,
): Promise<T | undefined> {
  try {
    const reply = await nc.request(subject, JSON.stringify(request), { timeout });
    return reply.json<T>();
  } catch {
    // No responders, a timeout, a closed connection: there is no worker to ask just now, and callers have another source.
    return undefined;
  }
}

/** The owner says which editors have changed, so that nobody shows what was. At most once: caches end by themselves too. */
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

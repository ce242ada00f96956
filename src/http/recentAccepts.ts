import type { CommandRequest } from '../commands/envelope.js';

/** What ingest remembers of a command that it has accepted: enough to answer before any read model has heard of it. */
export type AcceptedHere = Pick<
  CommandRequest,
  'type' | 'sessionId' | 'editor' | 'actor' | 'idempotencyKey'
> & { readonly acceptedAt: string };

/** The newest `capacity` accepted commands of this process; the oldest is forgotten first, the workers know it by then. */
export class RecentAccepts {
  readonly #capacity: number;
  readonly #byId = new Map<string, AcceptedHere>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  remember(commandId: string, request: CommandRequest, nowMs: number): void {
    // A duplicate keeps the time of the first accept.
    if (this.#byId.has(commandId)) return;
    const { type, sessionId, editor, actor, idempotencyKey } = request;
    const acceptedAt = new Date(nowMs).toISOString();
    this.#byId.set(commandId, { type, sessionId, editor, actor, idempotencyKey, acceptedAt });
    if (this.#byId.size > this.#capacity)
      for (const oldest of this.#byId.keys()) {
        this.#byId.delete(oldest);
        break;
      }
  }

  get(commandId: string): AcceptedHere | undefined {
    return this.#byId.get(commandId);
  }
}

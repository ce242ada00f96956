import type { CommandRequest } from '../commands/envelope.js';

/** What ingest remembers of a command that it has accepted: enough to answer before any read model has heard of it. */
export interface AcceptedHere
  extends Pick<CommandRequest, 'type' | 'sessionId' | 'editor' | 'actor' | 'idempotencyKey'> {
  readonly acceptedAt: string;
}

type Kept = Omit<AcceptedHere, 'acceptedAt'> & { readonly acceptedAtMs: number };

/**
 * The newest accepted commands of this process: at least half of `capacity`, at most all of it; the workers know the others by
 * then. Two generations instead of one map: forgetting one entry at a time walks over the holes of all that were forgotten
 * before (measured: 18 % of ingest).
 */
export class RecentAccepts {
  readonly #generationSize: number;
  #young = new Map<string, Kept>();
  #old = new Map<string, Kept>();

  constructor(capacity: number) {
    this.#generationSize = Math.max(1, Math.floor(capacity / 2));
  }

  remember(commandId: string, request: CommandRequest, nowMs: number): void {
    // A duplicate keeps the time of the first accept.
    if (this.#young.has(commandId) || this.#old.has(commandId)) return;
    const { type, sessionId, editor, actor, idempotencyKey } = request;
    this.#young.set(commandId, { type, sessionId, editor, actor, idempotencyKey, acceptedAtMs: nowMs });
    if (this.#young.size < this.#generationSize) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  get(commandId: string): AcceptedHere | undefined {
    const kept = this.#young.get(commandId) ?? this.#old.get(commandId);
    if (!kept) return undefined;
    const { acceptedAtMs, ...rest } = kept;
    return { ...rest, acceptedAt: new Date(acceptedAtMs).toISOString() };
  }
}

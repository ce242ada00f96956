import { type CommandRequest, commandIdOfRequest, messageIdOf, payloadShaOf } from '../commands/envelope.js';
import { type Sha256, sha256 } from '../core/ids.js';

/** A request with what the ledger is asked by. */
export interface Candidate {
  readonly request: CommandRequest;
  readonly commandId: string | undefined;
  readonly payloadSha: Sha256;
}

export const candidateOf = (request: CommandRequest): Candidate => ({
  request,
  commandId: commandIdOfRequest(request),
  payloadSha: payloadShaOf(request),
});

/** What is known of a key already. */
export interface Known {
  readonly payloadSha: string;
  readonly state: string;
}

export type Triage =
  | { readonly kind: 'store' }
  | { readonly kind: 'repeat'; readonly commandId: string; readonly state: string }
  | { readonly kind: 'mismatch'; readonly commandId: string }
  /** The same key stands earlier in this very batch: it shares that one's fate. */
  | { readonly kind: 'same_as'; readonly index: number };

/** Sorts a batch by what the keys are known to name; the first of several equal ones in the batch counts. */
export function triage(batch: readonly Candidate[], known: ReadonlyMap<string, Known>): Triage[] {
  const first = new Map<string, number>();
  return batch.map(({ commandId, payloadSha }, index): Triage => {
    if (commandId === undefined) return { kind: 'store' };
    const entry = known.get(commandId);
    if (entry)
      return entry.payloadSha === payloadSha
        ? { kind: 'repeat', commandId, state: entry.state }
        : { kind: 'mismatch', commandId };
    const earlier = first.get(commandId);
    if (earlier === undefined) {
      first.set(commandId, index);
      return { kind: 'store' };
    }
    return batch[earlier]?.payloadSha === payloadSha
      ? { kind: 'same_as', index: earlier }
      : { kind: 'mismatch', commandId };
  });
}

/** One message's share of a partition: bounded in bytes, so that it fits a server with the default limit of 1 MB. */
export function splitEnvelopes(batch: readonly Candidate[], maxBytes: number): Candidate[][] {
  const envelopes: Candidate[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const candidate of batch) {
    const size = 1_200 + Buffer.byteLength(JSON.stringify(candidate.request.payload), 'utf8');
    if (bytes + size > maxBytes) {
      envelopes.push([]);
      bytes = 0;
    }
    envelopes.at(-1)?.push(candidate);
    bytes += size;
  }
  return envelopes;
}

/** The same keyed commands give the same id, so a client's repeat within the duplicate window is not even stored; keyless ones never. */
export function envelopeMessageId(envelope: readonly Candidate[], random: () => string): string {
  const ids = envelope.map(({ request, payloadSha }) =>
    request.idempotencyKey === null
      ? random()
      : messageIdOf(request.sessionId, request.idempotencyKey, payloadSha),
  );
  return ids.length === 1 && ids[0] !== undefined ? ids[0] : sha256(ids.join('\0'));
}

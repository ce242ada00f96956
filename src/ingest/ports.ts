import type { CommandRequest } from '../commands/envelope.js';

export type PublishResult =
  | { readonly kind: 'stored'; readonly seq: number; readonly duplicate: boolean }
  /** The command stream is at its size limit: nothing was stored. */
  | { readonly kind: 'full' }
  /** Not acknowledged: perhaps stored. The same message id may be sent again safely. */
  | { readonly kind: 'failed'; readonly error: unknown };

export interface CommandPublisher {
  readonly streamCreated: string;
  partitionOf(editor: string): number;
  publish(partition: number, requests: readonly CommandRequest[], messageId: string): Promise<PublishResult>;
}

export interface BacklogSample {
  /** Messages of the command stream no worker has taken. */
  readonly waitingMessages: number;
  /** Messages a worker has taken and not acknowledged. */
  readonly unackedMessages: number;
  readonly parkedBatches: number;
  /** Commands the worker says it holds, in memory or parked; undefined when none answers. */
  readonly heldCommands: number | undefined;
  readonly streamBytes: number;
  readonly streamMaxBytes: number;
}

export type BacklogProbe = () => Promise<BacklogSample>;

/** The ledger's word on commands that keys name; those nobody knows are missing. */
export type LedgerLookup = (
  commandIds: readonly string[],
) => Promise<readonly { readonly commandId: string; readonly payloadSha?: string; readonly state: string }[]>;

import type { Command } from '../commands/envelope.js';

/** What projections need of the streams; src/streams serves it, app.ts joins the two. */

export interface LogMessage {
  readonly streamSeq: number;
  /** JetStream's publish time, epoch ms. */
  readonly tsMs: number;
  readonly partition: number;
  /** An encoded log message: `decodeLogMessage` in events/log.ts. */
  readonly data: Uint8Array;
}

export interface LogSource {
  /** When the stream was created (ISO 8601): kept beside the checkpoint; a mismatch means that the log is another one. */
  created(): Promise<string>;
  /** The oldest stored message; above 1 when limits have taken the beginning, and one above the newest when nothing is left. */
  firstStreamSeq(): Promise<number>;
  /** The newest stored message, 0 for an empty log. */
  lastStreamSeq(): Promise<number>;
  /** Every message after `afterStreamSeq`, in order, once each, over reconnects; ends when the signal aborts. Pull-driven. */
  read(afterStreamSeq: number, signal: AbortSignal): AsyncIterable<LogMessage>;
}

export interface ImageSource {
  /** The bytes behind each sha-256; a sha that is not stored is missing from the answer. */
  fetch(shas: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
}

/** A command as it was accepted, for the overlay of those that have not started. */
export type AcceptedCommand = Omit<Command, 'payload'>;

export interface CommandSource {
  created(): Promise<string>;
  /** Accepted commands after `afterStreamSeq` of the command stream, in order, well-formed ones only; ends when the signal aborts. */
  read(afterStreamSeq: number, signal: AbortSignal): AsyncIterable<AcceptedCommand>;
}

/** What lies in a dead letter (`spark.dlq`). `body` is the original message, base64 when it is not UTF-8 text. */
export interface DeadLetter {
  readonly reason: string;
  readonly attempts: number;
  readonly lastError: string;
  readonly originalSubject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly bodyTruncated: boolean;
  readonly commandId: string | null;
  readonly sessionId: string | null;
  readonly editor: string | null;
  /** Where the message lies; `mark` says which command stream that is (absent in older letters). */
  readonly stream: { readonly seq: number; readonly index: number; readonly mark?: string };
}

/** What was done about a letter of `SPARK_DLQ`, as it lies in the stream of actions. */
export interface DeadLetterAction {
  readonly action: 'redriven' | 'dropped';
  /** The letter's sequence in its stream. */
  readonly letterId: number;
  readonly actor: string;
  /** Of a redrive: the command it made. */
  readonly newCommandId?: string;
  /** Of a redrive: the how-manieth of this letter, 1-based. The same number again is the same redrive. */
  readonly redrive?: number;
  readonly payloadSha?: string;
}

export interface DeadLetterActionSource {
  created(): Promise<string>;
  read(
    afterStreamSeq: number,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly streamSeq: number; readonly tsMs: number; readonly action: DeadLetterAction }>;
}

export interface DeadLetterSource {
  created(): Promise<string>;
  read(
    afterStreamSeq: number,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly streamSeq: number; readonly tsMs: number; readonly letter: DeadLetter }>;
}

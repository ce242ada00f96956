import { canonicalJson } from '../core/canonicalJson.js';
import {
  type CommandId,
  commandIdOfKey,
  type EditorId,
  type SessionId,
  type Sha256,
  sha256,
} from '../core/ids.js';

/** What travels beside a payload, whichever way it came in. Times are ISO 8601 in UTC. */
export interface CommandMeta {
  readonly idempotencyKey: string | null;
  readonly actor: string;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  /** After this moment the command is not executed any more. */
  readonly deadline: string | null;
  /** 0 (lowest) to 9; 5 when absent. */
  readonly priority: number;
  readonly traceparent: string | null;
}

/** Where a command lies in the command stream: `count` items share the message `seq`. */
export interface CommandPosition {
  /** Which command stream, by its making (`streamMarkOf`): a stream made anew counts from 1 again. */
  readonly stream?: string;
  readonly partition: number;
  readonly seq: number;
  readonly index: number;
  readonly count: number;
}

/** A command as a client asks for it: addressed, not yet accepted. */
export interface CommandRequest extends CommandMeta {
  readonly type: string;
  readonly sessionId: SessionId;
  readonly editor: EditorId;
  readonly payload: unknown;
  /** The name of the token it was asked with, for the rate limits of this process: never stored. `actor` is what the client says of itself. */
  readonly credential?: string;
}

/** An accepted command: stored in the command stream, with its identity. */
export interface Command extends CommandRequest {
  readonly commandId: CommandId;
  readonly payloadSha: Sha256;
  /** JetStream's own publish time. */
  readonly acceptedAt: string;
  readonly position: CommandPosition;
  /**
   * Which way it came in. `ingest`: scopes, rate limits and schema were looked at before it was accepted. `publish`: by nobody yet.
   * Absent in commands parked by earlier builds: `publish`.
   */
  readonly via?: 'ingest' | 'publish';
}

export const DEFAULT_EDITOR = 'default' as EditorId;
export const DEFAULT_PRIORITY = 5;
export const DEFAULT_ACTOR = 'anonymous';

/** What must be equal for a repeat of a key to be the same command: type, editor and payload, whatever order its members came in. */
export function payloadShaOf(request: Pick<CommandRequest, 'type' | 'editor' | 'payload'>): Sha256 {
  return sha256(canonicalJson([request.type, request.editor, request.payload]));
}

/** `Nats-Msg-Id` of SPARK's own publishers: another payload under the same key is another message, so the ledger gets to see it. */
export function messageIdOf(sessionId: string, key: string, payloadSha: string): string {
  return sha256(`${sessionId}\0${key}\0${payloadSha}`);
}

/** The command a key names, or undefined for a keyless request, whose place in the stream will name it. */
export function commandIdOfRequest(request: CommandRequest): CommandId | undefined {
  return request.idempotencyKey === null
    ? undefined
    : commandIdOfKey(request.sessionId, request.idempotencyKey);
}

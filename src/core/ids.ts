import { hash } from 'node:crypto';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type CommandId = Brand<string, 'CommandId'>;
export type SessionId = Brand<string, 'SessionId'>;
export type EditorId = Brand<string, 'EditorId'>;
export type EventId = Brand<string, 'EventId'>;
/** 64 lower-case hex digits. */
export type Sha256 = Brand<string, 'Sha256'>;

/** What may stand as one token of a NATS subject (product.md section 1); anything else is refused, never escaped. */
export const TOKEN_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN_PATTERN.test(value);
}

/** SHA-256 of bytes or of a string's UTF-8 bytes. */
export function sha256(data: Uint8Array | string): Sha256 {
  return hash('sha256', data, 'hex') as Sha256;
}

/** A name-based UUID (RFC 9562 version 8) from the first 16 bytes of SHA-256 over the parts, NUL between them. */
export function uuidFrom(...parts: readonly (string | number)[]): string {
  const hex = hash('sha256', parts.join('\0'), 'hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The command that an idempotency key names: the key's scope is its session. */
export function commandIdOfKey(sessionId: string, key: string): CommandId {
  return uuidFrom('key', sessionId, key) as CommandId;
}

/** The command at one place of the command stream: used when no key came, and for publishes refused before they claim a key. */
export function commandIdOfPosition(streamCreated: string, seq: number, index: number): CommandId {
  return uuidFrom('position', streamCreated, seq, index) as CommandId;
}

/** Eight hex digits for a stream's making: enough to tell one from the one before. */
export function streamMarkOf(streamCreated: string): string {
  return hash('sha256', streamCreated, 'hex').slice(0, 8);
}

/** Events are named by their command and kind, so an append repeated after a lost ack is the same event. */
export function eventIdOf(commandId: string, type: string, ordinal = 0): EventId {
  return uuidFrom('event', commandId, type, ordinal) as EventId;
}

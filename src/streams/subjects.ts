import { isToken } from '../core/ids.js';

/** Every subject SPARK speaks, in one place (product.md section 9). */
export const SUBJECTS = {
  commands: 'spark.commands.>',
  /** What a well-formed command subject is stored as: its partition comes first, so that one consumer reads one partition. */
  partitioned: 'spark.partition',
  envelopes: 'spark.command-envelopes',
  submit: 'spark.submit.>',
  log: 'spark.log',
  images: 'spark.images',
  deadLetters: 'spark.dlq',
  deadLetterActions: 'spark.dlq-actions',
  parked: 'spark.parked',
  /** Requests between SPARK's own roles. */
  internal: 'spark.internal',
} as const;

/** What a command subject says: `spark.commands.{editor}.{family}.{name}.{sessionId}`. */
export interface CommandAddress {
  readonly editor: string;
  readonly type: string;
  readonly sessionId: string;
}

export type ParsedSubject =
  | { readonly ok: true; readonly address: CommandAddress }
  /** `readable`: the tokens that are good in themselves, so that the reject can be told to its session. */
  | { readonly ok: false; readonly reason: string; readonly readable: Partial<CommandAddress> };

/** Parses `{prefix}.{editor}.{family}.{name}.{sessionId}` where `prefixTokens` tokens come first. */
export function parseCommandSubject(subject: string, prefixTokens: number): ParsedSubject {
  const tokens = subject.split('.').slice(prefixTokens);
  const [editor, family, name, sessionId] = tokens;
  const readable: Partial<CommandAddress> = {
    ...(isToken(editor) ? { editor } : {}),
    ...(isToken(family) && isToken(name) ? { type: `${family}.${name}` } : {}),
    ...(isToken(sessionId) ? { sessionId } : {}),
  };
  if (tokens.length !== 4)
    return {
      ok: false,
      reason: `has ${tokens.length} tokens after its prefix, not 4 ({editor}.{family}.{name}.{sessionId})`,
      readable,
    };
  const bad = tokens.findIndex((token) => !isToken(token));
  if (bad >= 0)
    return {
      ok: false,
      reason: `token "${['editor', 'family', 'name', 'sessionId'][bad]}" does not match ^[A-Za-z0-9_-]{1,64}$`,
      readable,
    };
  return {
    ok: true,
    address: { editor: editor as string, type: `${family}.${name}`, sessionId: sessionId as string },
  };
}

/** The subject a stored message was published to: the stream puts the partition before a well-formed one. */
export function publishedSubjectOf(stored: string): string {
  const prefix = `${SUBJECTS.partitioned}.`;
  if (!stored.startsWith(prefix)) return stored;
  return `spark.commands.${stored.slice(stored.indexOf('.', prefix.length) + 1)}`;
}

/** FNV-1a 32 modulo the partitions: what the server's `partition()` mapping computes (200 of 200 equal, nats.md). */
export function partitionOf(editor: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < editor.length; at++) {
    const unit = editor.charCodeAt(at);
    // A token is ASCII: its units are its bytes, and no buffer need be made (it is asked several times a command).
    if (unit > 0x7f) return fnv1aOf(Buffer.from(editor, 'utf8')) % partitions;
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return (hash >>> 0) % partitions;
}

function fnv1aOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

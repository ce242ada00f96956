import type { CommandRequest } from '../src/commands/envelope.js';
import { messageIdOf, payloadShaOf } from '../src/commands/envelope.js';
import type { EditorId, SessionId } from '../src/core/ids.js';
import { encodeEnvelope } from '../src/streams/commandCodec.js';
import { partitionOf, SUBJECTS } from '../src/streams/subjects.js';
import { duelOf } from './duel.js';
import { PARTITIONS } from './editors.js';
import { EPOCH_MS } from './kernel/process.js';
import type { Random } from './kernel/random.js';
import { SHAPES, type Size } from './size.js';

const SESSIONS = ['ann', 'bob', 'cat'] as const;
const PATHS = ['Assets/A.cs', 'Assets/B.cs'] as const;

/** A publish that a client will make. */
export interface Publish {
  readonly atMs: number;
  readonly request: CommandRequest;
  readonly how: 'raw' | 'envelope' | 'broken';
}

/** A wish to cancel, some time after the publish. */
export interface CancelWish {
  readonly atMs: number;
  readonly of: CommandRequest;
}

export interface Plan {
  readonly publishes: readonly Publish[];
  readonly cancels: readonly CancelWish[];
}

/** What the clients of a seed do: a handful of commands, some of them twice. */
export function planOf(random: Random, size: Size, editors: readonly string[]): Plan {
  if (size === 'duel') return duelOf(random, editors);
  const shape = SHAPES[size];
  const publishes: Publish[] = [];
  const cancels: CancelWish[] = [];
  const sessions = SESSIONS.slice(0, random.between(1, shape.sessions));
  const commands = random.pick(shape.commands);
  const spreadMs = random.pick(shape.spreadMs);
  for (let at = 0; at < commands; at++) {
    const request = requestOf(random, random.pick(sessions), `k${at}`, editors);
    const atMs = random.between(1, spreadMs);
    const how = random.chance(0.04) ? 'broken' : random.chance(0.5) ? 'raw' : 'envelope';
    publishes.push({ atMs, request, how });
    if (random.chance(0.15))
      publishes.push({
        atMs: atMs + random.between(1, 900),
        request,
        how: random.chance(0.5) ? 'raw' : 'envelope',
      });
    if (random.chance(shape.sameKey.chance)) {
      const other = requestOf(random, request.sessionId, `k${at}`, editors);
      publishes.push({ atMs: atMs + random.between(0, shape.sameKey.withinMs), request: other, how: 'raw' });
    }
    if (random.chance(0.07)) cancels.push({ atMs: atMs + random.between(0, 500), of: request });
  }
  publishes.sort((left, right) => left.atMs - right.atMs);
  return { publishes, cancels };
}

function requestOf(
  random: Random,
  sessionId: string,
  key: string,
  editors: readonly string[],
): CommandRequest {
  const { type, payload } = commandOf(random, `${sessionId}${key}`);
  const deadline = random.chance(0.08) ? new Date(EPOCH_MS + random.between(100, 3_000)).toISOString() : null;
  return {
    type,
    payload,
    sessionId: sessionId as SessionId,
    editor: random.pick(editors) as string as EditorId,
    idempotencyKey: random.chance(0.85) ? key : null,
    actor: sessionId,
    correlationId: null,
    causationId: null,
    deadline,
    priority: random.pick([5, 5, 5, 9]),
    traceparent: null,
  };
}

function commandOf(random: Random, key: string): { type: string; payload: unknown } {
  const path = random.pick(PATHS);
  const text = `class ${key}v${random.between(0, 9)} { }\n`;
  const draw = random.next();
  if (draw < 0.4)
    return {
      type: 'unity.generate_script',
      payload: { name: 'Script', path, code: text, ...(random.chance(0.7) ? { overwrite: true } : {}) },
    };
  if (draw < 0.52) {
    const edits = [{ startLine: 1, startCol: 1, endLine: 1, endCol: 1, newText: `// ${key}\n` }];
    return { type: 'unity.apply_patch', payload: { path, edits } };
  }
  if (draw < 0.64) return { type: 'unity.delete_script', payload: { path } };
  if (draw < 0.78) return { type: 'session.undo', payload: {} };
  if (draw < 0.86) return { type: 'session.redo', payload: {} };
  if (draw < 0.93)
    return {
      type: 'preset.apply',
      payload: { presetId: 'platformer-2d', targetFolder: random.pick(['Assets/Kit', 'Assets/Box']) },
    };
  return { type: 'session.rollback', payload: { to: new Date(EPOCH_MS).toISOString() } };
}

export interface WireMessage {
  readonly partition: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string | undefined;
}

/** A publish as it reaches the stream; a well-formed raw one has been put into its partition by the stream's transform. */
export function wireOf({ request, how }: Publish, retryId: string): WireMessage {
  const partition = partitionOf(request.editor, PARTITIONS);
  const { idempotencyKey: key, sessionId, editor, type } = request;
  const messageId = key === null ? retryId : messageIdOf(sessionId, key, payloadShaOf(request));
  if (how === 'envelope')
    return {
      partition,
      subject: `${SUBJECTS.envelopes}.${partition}`,
      data: encodeEnvelope([request]),
      headers: {},
      messageId,
    };
  return {
    partition,
    subject: `${SUBJECTS.partitioned}.${partition}.${editor}.${type}.${sessionId}`,
    data: Buffer.from(how === 'broken' ? '{"path":' : JSON.stringify(request.payload)),
    headers: {
      'Spark-Actor': request.actor,
      'Spark-Priority': String(request.priority),
      ...(key === null ? {} : { 'Spark-Idempotency-Key': key }),
      ...(request.deadline === null ? {} : { 'Spark-Deadline': request.deadline }),
    },
    // A broken one comes from somebody who uses no ids.
    messageId: how === 'broken' ? undefined : messageId,
  };
}

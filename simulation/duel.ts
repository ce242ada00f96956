import type { CommandRequest } from '../src/commands/envelope.js';
import type { EditorId, SessionId } from '../src/core/ids.js';
import { EPOCH_MS } from './kernel/process.js';
import type { Random } from './kernel/random.js';
import { SHAPES } from './size.js';
import type { CancelWish, Plan, Publish } from './workload.js';

const PATH = 'Assets/A.cs';
const TEXTS = ['class One { }\n', 'class Two { }\n'] as const;
const SESSIONS = ['ann', 'bob'] as const;

/**
 * One file that goes back and forth between two texts and nothing at all: a call that comes late finds the very bytes again for which it
 * was meant, and only a token can tell it from one that is wanted.
 */
export function duelOf(random: Random, editors: readonly string[]): Plan {
  const { commands, spreadMs } = SHAPES.duel;
  const publishes: Publish[] = [];
  const cancels: CancelWish[] = [];
  const sessions = random.chance(0.7) ? SESSIONS.slice(0, 1) : SESSIONS;
  const editor = random.pick(editors);
  const withinMs = random.pick(spreadMs);
  for (let at = random.pick(commands); at > 0; at--) {
    const request = requestOf(random, random.pick(sessions), `d${at}`, editor);
    const atMs = random.between(1, withinMs);
    publishes.push({ atMs, request, how: random.chance(0.5) ? 'raw' : 'envelope' });
    if (random.chance(0.1)) cancels.push({ atMs: atMs + random.between(0, 2_500), of: request });
  }
  publishes.sort((left, right) => left.atMs - right.atMs);
  return { publishes, cancels };
}

function requestOf(random: Random, sessionId: string, key: string, editor: string): CommandRequest {
  const deadline = random.chance(0.1) ? new Date(EPOCH_MS + random.between(100, 3_500)).toISOString() : null;
  return {
    sessionId: sessionId as SessionId,
    ...moveOf(random),
    editor: editor as EditorId,
    idempotencyKey: key,
    actor: sessionId,
    correlationId: null,
    causationId: null,
    deadline,
    priority: 5,
    traceparent: null,
  };
}

function moveOf(random: Random): { type: string; payload: unknown } {
  const draw = random.next();
  if (draw < 0.45) {
    const overwrite = random.chance(0.6) ? { overwrite: true } : {};
    return {
      type: 'unity.generate_script',
      payload: { name: 'Script', path: PATH, code: random.pick(TEXTS), ...overwrite },
    };
  }
  if (draw < 0.7) return { type: 'unity.delete_script', payload: { path: PATH } };
  return { type: draw < 0.9 ? 'session.undo' : 'session.redo', payload: {} };
}

import type { Command, CommandRequest } from '../../src/commands/envelope.js';
import { commandIdOfRequest, payloadShaOf } from '../../src/commands/envelope.js';
import { commandIdOfPosition, type EditorId, type SessionId } from '../../src/core/ids.js';
import { newTask, type Task } from '../../src/workers/lanes/task.js';
import type { Delivery, Inbound } from '../../src/workers/ports.js';

/** What a test says of a command; everything else is ordinary. */
export interface CommandWish {
  readonly seq?: number;
  readonly index?: number;
  readonly count?: number;
  readonly partition?: number;
  readonly type?: string;
  readonly sessionId?: string;
  readonly editor?: string;
  readonly key?: string | null;
  readonly deadline?: string | null;
  readonly payload?: unknown;
}

export const STREAM_CREATED = '2026-03-01T00:00:00.000Z';
export const ACCEPTED_AT = '2026-03-01T10:00:00.000Z';

export const scriptPayload = (path = 'Assets/Player.cs', code = 'class Player {}', overwrite?: boolean) => ({
  name: 'Player',
  path,
  code,
  ...(overwrite === undefined ? {} : { overwrite }),
});

export function aRequest(wish: CommandWish = {}): CommandRequest {
  return {
    type: wish.type ?? 'unity.generate_script',
    sessionId: (wish.sessionId ?? 'session-1') as SessionId,
    editor: (wish.editor ?? 'default') as EditorId,
    payload: wish.payload ?? scriptPayload(),
    idempotencyKey: wish.key ?? null,
    actor: 'agent-7',
    correlationId: null,
    causationId: null,
    deadline: wish.deadline ?? null,
    priority: 5,
    traceparent: null,
  };
}

export function aCommand(wish: CommandWish = {}): Command {
  const request = aRequest(wish);
  const { seq = 1, index = 0, count = 1, partition = 0 } = wish;
  return {
    ...request,
    commandId: commandIdOfRequest(request) ?? commandIdOfPosition(STREAM_CREATED, seq, index),
    payloadSha: payloadShaOf(request),
    acceptedAt: ACCEPTED_AT,
    position: { partition, seq, index, count },
  };
}

/** A task whose end goes nowhere: for tests of what comes before the end. */
export function aTask(command: Command, started?: Task['started']): Task {
  return newTask(command, { kind: 'parked', parkedSeq: 0 }, started);
}

export interface TestDelivery extends Delivery {
  readonly acks: () => number;
  readonly heartbeats: () => number;
}

/** A delivered message; counts its acknowledgements. */
export function aDelivery(seq: number, items: readonly Inbound[], partition = 0): TestDelivery {
  let acks = 0;
  let heartbeats = 0;
  return {
    partition,
    seq,
    order: 1,
    items,
    original: { subject: 'spark.commands.x', headers: {}, data: Buffer.from('{}') },
    ack: () => {
      acks++;
    },
    working: () => {
      heartbeats++;
    },
    acks: () => acks,
    heartbeats: () => heartbeats,
  };
}

export const inbound = (command: Command): Inbound => ({ kind: 'command', command });

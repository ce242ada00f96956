import type { z } from 'zod';
import type { BuildGate } from '../workers/buildPort.js';
import type { Answer, GateCall } from '../workers/editor.js';
import * as told from './answerSchemas.js';
import type { Unanswered } from './gateExchange.js';
import type { OperationName } from './operations.js';
import { whyOf } from './verdict.js';

/** The two ways to the gate in another process. */
interface RemoteDoor {
  act(operation: OperationName, editor: string, input: object, call: GateCall): Promise<Answer>;
  look<T>(
    operation: OperationName,
    input: object,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    otherwise: (reply: Unanswered) => T,
  ): Promise<T>;
}

/** Builds through a gate in another process; one that cannot be asked is silent, as an editor that builds is. */
export function remoteBuilds(door: RemoteDoor): BuildGate {
  const silent = (reply: Unanswered) => ({ kind: 'silent' as const, reason: whyOf(reply) });
  return {
    start: (editor, order, call) => door.act('start-build', editor, { order }, call),
    cancel: (editor, jobId, call) => door.act('cancel-build', editor, { jobId }, call),
    removeOutput: (editor, { outputPath, target }, call) =>
      door.act('remove-build', editor, { build: { outputPath, target } }, call),
    status: (editor, jobId, signal) =>
      door.look('build-status', { editor, jobId }, told.buildStatus, signal, silent),
    traces: (editor, { outputPath, target }, signal) =>
      door.look('build-traces', { editor, build: { outputPath, target } }, told.buildTraces, signal, silent),
  };
}

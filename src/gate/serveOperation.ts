import type { ServerResponse } from 'node:http';
import { every } from '../core/clock.js';
import { codeOf, messageOf, SparkError } from '../core/errors.js';
import type { Logger } from '../observability/logger.js';
import { StaleTokenError } from '../unity/fence.js';
import { encodeMessage } from './codec.js';
import { FAILURE, type GateFailure, HEARTBEAT, MESSAGE_TYPE, RESULT } from './wire.js';

/** The worker's connection is gone: whatever it asked for is cut off. */
export class CallerGoneError extends SparkError {
  readonly code = 'caller_gone';
}

/** The gate's process stops: what still runs is cut off and its end not known. */
export class GateStoppedError extends SparkError {
  readonly code = 'gate_stopped';
}

export type Ending = 'answered' | 'stale' | 'failed' | 'gone';

/**
 * Runs `work` and answers with what became of it. `signal` fires when the caller's connection closes before. Never rejects: an answer that
 * cannot be given any more is for nobody.
 */
export async function serveOperation(
  response: ServerResponse,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<unknown>,
  { logger, heartbeatMs }: { readonly logger: Logger; readonly heartbeatMs: number },
): Promise<Ending> {
  const stopBeating = every(
    heartbeatMs,
    () => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': MESSAGE_TYPE });
      response.write(Buffer.of(HEARTBEAT));
    },
    () => undefined,
  );
  const { ending, frame } = await framed(work, signal, logger).finally(stopBeating);
  if (response.destroyed) return 'gone';
  if (!response.headersSent)
    response.writeHead(200, { 'content-type': MESSAGE_TYPE, 'content-length': frame.length });
  response.end(frame);
  return ending;
}

async function framed(
  work: (signal: AbortSignal) => Promise<unknown>,
  signal: AbortSignal,
  logger: Logger,
): Promise<{ readonly ending: Ending; readonly frame: Buffer }> {
  try {
    signal.throwIfAborted();
    const result = await work(signal);
    return { ending: 'answered', frame: Buffer.concat([Buffer.of(RESULT), encodeMessage(result)]) };
  } catch (error) {
    const stale = error instanceof StaleTokenError;
    if (!stale && !signal.aborted) logger.error({ err: error }, 'the gate failed at a request');
    const frame = Buffer.concat([Buffer.of(FAILURE), encodeMessage(failureOf(error))]);
    return { ending: stale ? 'stale' : 'failed', frame };
  }
}

function failureOf(error: unknown): GateFailure {
  const failure = { code: codeOf(error) ?? 'gate_failed', message: messageOf(error) };
  return error instanceof StaleTokenError
    ? { ...failure, spent: error.spent, bound: { epoch: error.bound.epoch, call: error.bound.call } }
    : failure;
}

import type { JetStreamClient, JetStreamPublishOptions, PubAck } from '@nats-io/jetstream';
import { type Clock, pause } from '../core/clock.js';

/** JetStream's stable API error codes that SPARK decides on. */
export const API_ERRORS = {
  wrongLastSequence: 10071,
  wrongLastSequenceUnknown: 10164,
  /** Maximum bytes or messages reached with discard new; per subject too. */
  limitReached: 10077,
  noMessageFound: 10037,
} as const;

export function apiErrorCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : undefined;
}

/** An answer of the server that trying again does not change; anything else (timeout, no responders, closed) may be a passing fault. */
export function isServerVerdict(error: unknown): boolean {
  const code = apiErrorCode(error);
  return code !== undefined && code >= 10_000 && code !== 10_008 && code !== 10_023 && code !== 10_074;
}

/**
 * Publishes and waits for the PubAck for as long as it takes: the same message id every time, so a lost ack is not a second message
 * within the duplicate window. Throws the server's verdicts and, once aborted, the last fault.
 */
export async function publishUntilAcked(
  js: JetStreamClient,
  clock: Clock,
  subject: string,
  data: Uint8Array,
  options: Partial<JetStreamPublishOptions> & { msgID?: string },
  signal: AbortSignal,
): Promise<PubAck> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await js.publish(subject, data, { timeout: 5_000, ...options });
    } catch (error) {
      if (isServerVerdict(error) || signal.aborted) throw error;
      // At least 50 ms: the server drops the id of a publish that is still under way (nats.md).
      await pause(clock, Math.min(50 * 2 ** attempt, 1_000) * (1 + Math.random()), signal);
      if (signal.aborted) throw error;
    }
  }
}

import type { JetStreamClient, JetStreamPublishOptions, PubAck } from '@nats-io/jetstream';
import { InvalidArgumentError, InvalidSubjectError } from 'nats';
import { type Clock, pause } from '../core/clock.js';

/** What was on the wire when a connection broke is asked for again after this; the message id makes an early repeat harmless. */
const ACK_TIMEOUT_MS = 2_000;

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
  return code !== undefined && (code === 404 || code >= 10_000) && !PASSING.has(code);
}

/**
 * JetStream is there and cannot just now: the cluster elects a leader, the one asked is none (any more), servers of the stream are away,
 * too much at once; or the same message id is on its way to the disk already (10158: asked again, it is a duplicate).
 */
const PASSING = new Set([
  10_004, 10_008, 10_009, 10_023, 10_075, 10_118, 10_119, 10_158, 10_163, 10_167, 10_210, 10_211,
]);

/** The client itself refuses: too large for the server's `max_payload`, a bad subject. Trying again changes nothing. */
const isClientVerdict = (error: unknown): boolean =>
  error instanceof InvalidArgumentError || error instanceof InvalidSubjectError;

/** Asks until the server answers: an outage is waited for, its verdicts are thrown. */
export async function untilAnswered<T>(clock: Clock, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (isServerVerdict(error) || isClientVerdict(error) || signal.aborted) throw error;
      // At least 50 ms: the server drops the id of a publish that is still under way (nats.md). At most 0.8 s: an election takes 4 to 9 s
      // (fixed in the server), work shall go on within 10, and a publish that nobody leads is refused at once.
      await pause(clock, Math.min(50 * 2 ** attempt, 400) * (1 + Math.random()), signal);
      if (signal.aborted) throw error;
    }
  }
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
  return untilAnswered(clock, signal, () =>
    js.publish(subject, data, { timeout: ACK_TIMEOUT_MS, ...options }),
  );
}

import { request } from 'undici';
import { z } from 'zod';
import { type Clock, pause } from '../core/clock.js';
import { messageOf, SparkError } from '../core/errors.js';
import { GATE_PATH, SILENCE_MS } from './wire.js';

/** The gate does not know this worker's token: waiting would not help. */
export class GateTokenError extends SparkError {
  readonly code = 'gate_token_refused';
}

const RETRY_MS = 1_000;
const answer = z.object({ id: z.string().min(1).max(200) });

/**
 * The id of the gate at `url`: the same over its restarts, another one for a gate with other fences. Waits for a gate that is not there
 * yet, telling `onWaiting` once a reason. Throws `GateTokenError`, or the signal's reason.
 */
export async function askGateIdentity(
  { url, token, clock }: { readonly url: string; readonly token: string; readonly clock: Clock },
  onWaiting: (reason: string) => void,
  signal: AbortSignal,
): Promise<string> {
  let told = '';
  for (;;) {
    signal.throwIfAborted();
    const reason = await asked();
    if ('id' in reason) return reason.id;
    if (reason.text !== told) onWaiting(reason.text);
    told = reason.text;
    await pause(clock, RETRY_MS, signal);
  }

  async function asked(): Promise<{ readonly id: string } | { readonly text: string }> {
    try {
      const { statusCode, body } = await request(`${url.replace(/\/$/, '')}${GATE_PATH}identity`, {
        headers: { authorization: `Bearer ${token}` },
        headersTimeout: SILENCE_MS,
        bodyTimeout: SILENCE_MS,
        signal,
      });
      const text = await body.text();
      if (statusCode === 401) throw new GateTokenError(`the gate at ${url} does not know this token`);
      return statusCode === 200 ? answer.parse(JSON.parse(text)) : { text: `HTTP ${statusCode}` };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof GateTokenError) throw error;
      return { text: messageOf(error) };
    }
  }
}

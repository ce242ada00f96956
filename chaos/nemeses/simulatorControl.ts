import type { System } from '../ports.js';

const ANSWER_MS = 2_000;

/** Asks the simulator's control for something. False when the simulator is away just now: then nothing was done. */
export async function control(
  { simulator }: Pick<System, 'simulator'>,
  method: 'POST' | 'DELETE',
  route: 'faults' | 'reload',
  body?: object,
): Promise<boolean> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ANSWER_MS);
  try {
    const response = await fetch(`${simulator.url}/sim/${route}`, {
      method,
      signal: limit.signal,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new RefusedControlError(`the simulator refused ${method} /sim/${route}: ${text}`);
    return true;
  } catch (error) {
    if (error instanceof RefusedControlError) throw error;
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** The simulator answers and says no: the harness asks for something wrong. */
export class RefusedControlError extends Error {
  readonly code = 'control_refused';
}

import { type Clock, pause } from './clock.js';
import { SparkError } from './errors.js';

/** What was asked has not answered in its time; it may still do so, and nobody will hear it. */
export class LateError extends SparkError {
  readonly code = 'late';
}

/** The answer, or `LateError` after `limitMs`. What is late goes on by itself: whoever asks a server bounds that too. */
export async function within<T>(clock: Clock, limitMs: number, answer: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = pause(clock, limitMs, over.signal).then(() => {
    throw new LateError(`no answer within ${limitMs} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    over.abort();
    // Whichever lost the race: its error is nobody's any more.
    late.catch(() => undefined);
    answer.catch(() => undefined);
  }
}

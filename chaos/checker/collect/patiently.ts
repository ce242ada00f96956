import type { Source, Unread } from '../evidence.js';

/** No question to a server may hold up the report for longer than this, whatever the server does. */
const ANSWER_WITHIN_MS = 90_000;

/** Rejects with what the signal says, or after `ms`. What is late goes on by itself; whoever asks a server closes the connection then. */
export async function within<T>(ms: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let giveUp: (reason: Error) => void = () => undefined;
  const given = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  given.catch(() => undefined);
  const timer = setTimeout(() => giveUp(new Error(`no answer within ${ms / 1_000} s`)), ms);
  const abort = (): void => giveUp(new Error('broken off before it was read'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const answer = signal.aborted ? given : work();
    answer.catch(() => undefined);
    return await Promise.race([answer, given]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

/** Reads one source after the other; one that fails or is late is written down as unread, and the next one is read. */
export class Reading {
  readonly unread: Unread[] = [];
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async of<T>(source: Source, otherwise: T, work: () => Promise<T> | T): Promise<T> {
    try {
      return await within(ANSWER_WITHIN_MS, this.#signal, async () => work());
    } catch (error) {
      this.unread.push({ source, said: saidBy(error) });
      return otherwise;
    }
  }
}

/** What a server said, with its code where it gave one: a person reads it, not a stack. */
export function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const text = error.message || error.name;
  return code === undefined || code === '' ? text : `${text} (${String(code)})`;
}

import { once } from 'node:events';
import { UsageError } from './errors.js';
import type { CliHost } from './host.js';
import { printable } from './text.js';

/** Asks before something that cannot be taken back. Throws `UsageError` where nobody is there to answer. */
export async function confirm(
  host: CliHost,
  options: { readonly yes?: boolean; readonly json?: boolean },
  question: string,
): Promise<boolean> {
  if (options.yes) return true;
  if (!host.terminal || options.json)
    throw new UsageError(`${question} Nobody is here to answer: say so with --yes`);
  host.err(`${printable(question)} [y/N] `);
  const answer = await firstLine(host);
  return /^y(?:es)?$/i.test(answer.trim());
}

async function firstLine(host: CliHost): Promise<string> {
  const { stdin, interrupted } = host;
  stdin.resume();
  try {
    const [chunk] = (await Promise.race([
      once(stdin, 'data', { signal: interrupted }),
      once(stdin, 'end', { signal: interrupted }),
    ])) as [unknown];
    return String(chunk ?? '').split('\n')[0] ?? '';
  } finally {
    stdin.pause();
  }
}

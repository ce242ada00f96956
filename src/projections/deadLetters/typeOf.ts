import { isToken } from '../../core/ids.js';
import type { DeadLetter } from '../ports.js';

/** What command a letter asked for, as far as its subject or its envelope says; null where neither does. */
export function typeOfLetter(letter: DeadLetter): string | null {
  const [root, kind, ...tokens] = letter.originalSubject.split('.');
  if (root !== 'spark') return null;
  if (kind === 'commands') {
    const [, family, name] = tokens;
    return isToken(family) && isToken(name) ? `${family}.${name}` : null;
  }
  if (kind !== 'command-envelopes' || letter.bodyEncoding !== 'utf8' || letter.bodyTruncated) return null;
  try {
    const { items } = JSON.parse(letter.body) as { items?: readonly { type?: unknown }[] };
    const type = items?.[letter.stream.index]?.type;
    return typeof type === 'string' && type.length <= MAX_TYPE_CHARS ? type : null;
  } catch {
    return null;
  }
}

/** Two tokens and a dot. */
const MAX_TYPE_CHARS = 129;

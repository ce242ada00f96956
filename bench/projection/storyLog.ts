import { hash } from 'node:crypto';
import type { ImageSource, LogMessage, LogSource } from '../../src/projections/ports.js';
import type { StoryMessage } from './story/messages.js';

/** A log that is made up while it is read, for fills: what JetStream would give, without having been stored there. Read once, from its beginning. */
export class StoryLog implements LogSource {
  readonly #chapters: AsyncIterable<Timed>;
  #lastStreamSeq = 0;

  constructor(chapters: AsyncIterable<Timed>) {
    this.#chapters = chapters;
  }

  async created(): Promise<string> {
    return '2026-01-01T00:00:00Z';
  }

  async firstStreamSeq(): Promise<number> {
    return 1;
  }

  async lastStreamSeq(): Promise<number> {
    return this.#lastStreamSeq;
  }

  async *read(afterStreamSeq: number, signal: AbortSignal): AsyncGenerator<LogMessage> {
    if (afterStreamSeq !== this.#lastStreamSeq)
      throw new Error(
        `a story is told once: message ${afterStreamSeq} was asked for, ${this.#lastStreamSeq} were told`,
      );
    for await (const { message, tsMs } of this.#chapters) {
      if (signal.aborted) return;
      yield { streamSeq: ++this.#lastStreamSeq, tsMs, partition: message.partition, data: message.data };
    }
    // All is told; a log never ends by itself.
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/** A message and the publish time JetStream would have given it, epoch ms. */
export interface Timed {
  readonly message: StoryMessage;
  readonly tsMs: number;
}

const TEXT =
  'using UnityEngine;\n\npublic class Player : MonoBehaviour\n{\n    [SerializeField] private float speed = 4f;\n';
const IMAGE_REPEATS = 8;

/** An image store that has whatever it is asked for: about 900 bytes of C#, unlike any other's. */
export const storyImages: ImageSource = {
  fetch: async (shas) => new Map(shas.map((sha) => [sha, imageOf(sha)])),
};

function imageOf(sha: string): Uint8Array {
  return Buffer.from(TEXT.repeat(IMAGE_REPEATS) + hash('sha256', sha, 'hex'));
}

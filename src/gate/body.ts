import type { IncomingMessage } from 'node:http';
import { SparkError } from '../core/errors.js';
import { MAX_MESSAGE_BYTES } from './wire.js';

/** Refused before anything was begun; `status` is HTTP's. */
export class GateRefusedError extends SparkError {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Bodies in memory at once, counted by what they say they are. */
const HELD_BYTES = 4 * MAX_MESSAGE_BYTES;

/** Room for the bodies of all requests together: above it a request is refused at once, and its worker holds the lane. */
export class BodyRoom {
  #left: number;

  constructor(bytes = HELD_BYTES) {
    this.#left = bytes;
  }

  /** The whole body, of at most `maxBytes`; `release` gives its room back, idempotent. Throws `GateRefusedError`. */
  async read(
    request: IncomingMessage,
    maxBytes = MAX_MESSAGE_BYTES,
  ): Promise<{ readonly body: Buffer; release(): void }> {
    const length = Number(request.headers['content-length'] ?? Number.NaN);
    if (!Number.isSafeInteger(length))
      throw new GateRefusedError(411, 'length_required', 'send Content-Length');
    if (length > maxBytes)
      throw new GateRefusedError(413, 'too_large', `${length} bytes are more than the ${maxBytes} taken`);
    if (length > this.#left)
      throw new GateRefusedError(503, 'busy', 'too many bytes are under way; try again');
    this.#left -= length;
    let held = length;
    const release = (): void => {
      this.#left += held;
      held = 0;
    };
    try {
      // Node reads no more than Content-Length says.
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      return { body: Buffer.concat(chunks), release };
    } catch (error) {
      release();
      throw error;
    }
  }
}

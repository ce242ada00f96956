import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { HttpServer } from '../../src/http/httpServer.js';
import { TOKEN } from './httpHarness.js';

export interface SseMessage {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** An event stream as a client sees it; wait with `until`, never with a pause. */
export class SseReader {
  readonly messages: SseMessage[] = [];
  readonly comments: string[] = [];
  readonly response: IncomingMessage;
  ended = false;
  readonly #waiters = new Set<() => void>();
  #rest = '';

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('close', () => {
      this.ended = true;
      this.#wake();
    });
    response.on('error', () => {});
  }

  async until(condition: (reader: SseReader) => boolean): Promise<void> {
    while (!condition(this)) {
      if (this.ended) throw new Error(`the stream ended after ${this.messages.length} messages`);
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  async untilEnd(): Promise<void> {
    while (!this.ended) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  ids(): number[] {
    return this.messages.filter(({ event }) => event !== 'reset').map(({ id }) => Number(id));
  }

  close(): void {
    this.response.destroy();
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map<string, string>();
      for (const line of block.split('\n')) {
        const colon = line.indexOf(':');
        if (colon === 0) this.comments.push(line.slice(1).trim());
        else fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
      }
      const data = fields.get('data');
      if (data !== undefined)
        this.messages.push({ id: fields.get('id'), event: fields.get('event') ?? 'message', data });
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}

export function openEvents(
  server: HttpServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<SseReader> {
  const { port } = server.address();
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      },
      (res) => resolve(new SseReader(res)),
    );
    req.on('error', reject);
    req.end();
  });
}

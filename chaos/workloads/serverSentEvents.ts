import { request } from 'node:http';

export interface ServerSentEvent {
  readonly id: string | undefined;
  /** `connected` for the first bytes of the stream, before any event. */
  readonly event: string;
  readonly data: string;
}

export interface StreamOptions {
  readonly token: string;
  readonly lastEventId: string | undefined;
  /** Nothing at all for so long: the connection is given up. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/** The events of one connection, until it ends, breaks (throws) or the signal aborts (ends). Plain Node: no client that would reconnect by itself. */
export async function* readEvents(url: string, options: StreamOptions): AsyncGenerator<ServerSentEvent> {
  const { token, lastEventId, silenceMs, signal } = options;
  const call = request(url, {
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    agent: false,
    timeout: silenceMs,
  });
  const hangUp = (): void => void call.destroy();
  call.on('timeout', hangUp);
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      call.once('response', resolve);
      call.once('error', reject);
      call.once('close', () => reject(new Error('closed before an answer')));
      if (signal.aborted) call.destroy();
      call.end();
    });
    if (response.statusCode !== 200) {
      response.resume();
      throw new Error(`the stream answered ${response.statusCode}`);
    }
    yield { id: undefined, event: 'connected', data: '' };
    response.setEncoding('utf8');
    let rest = '';
    for await (const text of response as AsyncIterable<string>) {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const parsed = parseBlock(block);
        if (parsed) yield parsed;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', hangUp);
    call.destroy();
  }
}

/** One block of lines; comments and blocks without data are nothing. */
function parseBlock(block: string): ServerSentEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { id: fields.get('id'), event: fields.get('event') ?? 'message', data };
}

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { codeOf } from '../core/errors.js';
import { childContext } from '../observability/traceparent.js';
import { headersOf, problemOf } from './problem.js';

const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Bytes that are no HTTP request, or came too slowly: there is no request to answer, so the problem goes on the bare socket. */
export function answerClientError(error: unknown, socket: Socket): void {
  if (codeOf(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF[codeOf(error) ?? ''] ?? 400;
  const problem = problemOf(
    {
      code: 'bad_request',
      status,
      title: STATUS_CODES[status] ?? 'Bad Request',
      retryable: status === 408,
      detail: 'the request could not be read as HTTP',
    },
    childContext(undefined).traceId,
  );
  const body = JSON.stringify(problem);
  const headers = { ...headersOf(problem), 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${problem.title}\r\n${lines.join('')}\r\n${body}`);
}

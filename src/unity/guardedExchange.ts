import type { Dispatcher } from 'undici';
import {
  type CallEnd,
  type CircuitBreaker,
  CircuitOpenError,
  type Judgement,
} from '../resilience/circuitBreaker.js';
import { type ExchangeEnd, type ExchangeRequest, exchange } from './httpExchange.js';

/** The server's own answers, whatever their status: an editor that reloads is no trouble of the server's. */
const OWN_ANSWER = /"(?:success|status|jsonrpc)"/;

/** An exchange behind the server's circuit. While that is open nothing is sent, and the answer says so: "not executed, away". */
export async function guardedExchange(
  circuit: CircuitBreaker | undefined,
  pool: Dispatcher,
  request: ExchangeRequest,
  monotonicMs: () => number,
): Promise<ExchangeEnd> {
  if (!circuit) return exchange(pool, request, monotonicMs);
  try {
    return await circuit.execute(
      () => exchange(pool, request, monotonicMs),
      request.signal,
      (end) => judge(end, request),
    );
  } catch (error) {
    if (!(error instanceof CircuitOpenError)) throw error;
    return { kind: 'failed', sent: false, reason: error.message };
  }
}

/**
 * Only trouble of the transport counts: no connection, a proxy's 5xx, a list of editors that does not come. A call that breaks off or takes
 * long says nothing about the server: a reload and a compile do that too.
 */
function judge(end: CallEnd<ExchangeEnd>, request: ExchangeRequest): Judgement {
  if ('error' in end || request.signal.aborted) return 'neutral';
  const { value } = end;
  if (value.kind === 'answered')
    return value.status >= 500 && !OWN_ANSWER.test(value.body) ? 'failure' : 'success';
  if (value.kind !== 'failed') return 'success';
  return !value.sent || request.method === 'GET' ? 'failure' : 'neutral';
}

/**
 * What came back on the wire for one JSON-RPC call, before anybody judges it. The one distinction that everything after
 * rests on is made here: `refused` says that no byte of the request left this process, `broken` says that some did.
 */
export type RawReply =
  /** The JSON-RPC result. */
  | { readonly kind: 'result'; readonly result: unknown }
  /** A JSON-RPC error, with the HTTP status it came in. */
  | { readonly kind: 'rpc_error'; readonly status: number; readonly code: number; readonly message: string }
  /** An HTTP answer that is no JSON-RPC message. `body`: its first 2,000 characters. */
  | { readonly kind: 'http'; readonly status: number; readonly body: string }
  /** Not sent: connection refused, connect timeout, aborted in the queue, pool closed. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The request (or a part of it) left, and no answer came: reset, end of stream, timeout, abort. */
  | { readonly kind: 'broken'; readonly reason: string }
  /** The answer is larger than the client reads; what was asked has run. */
  | { readonly kind: 'answer_too_large'; readonly limitBytes: number }
  /** The request is larger than the server takes; not sent. */
  | { readonly kind: 'request_too_large'; readonly bytes: number; readonly limitBytes: number }
  /** The server does not know the session even after it was initialized again; not executed. */
  | { readonly kind: 'session_lost'; readonly reason: string };

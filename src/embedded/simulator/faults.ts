/** Faults on demand: which one, for which calls, how often. Pure bookkeeping; `tool-call.ts` makes them happen. */
export const FAULT_KINDS = [
  /** the editor takes `ms` longer, then answers */
  'latency',
  /** the domain reloads (editor away for `ms`) before the call did anything; the reply tells of a disconnect */
  'reload_before',
  /** the call is done, then the domain reloads for `ms`; the reply tells of a disconnect */
  'reload_after',
  /** the call is done, the connection is cut before the reply */
  'lose_reply',
  /** the reply is a TimeoutError at once; the call is done `ms` later all the same */
  'ghost',
  /** every MCP session is forgotten; this call gets 404 */
  'session_lost',
  /** refused as `busy`/`compiling`, not done; `ms` is the `retry_after_ms` of the answer */
  'busy',
  /** the editor stands still for `ms`, then does the call; an ordinary reply if anyone still waits */
  'hang',
  /** the editor dies before the call did anything, with its job table, and is back after `ms`; connection cut */
  'crash',
  /** HTTP 413, plain text, not done */
  'too_large',
  /** the connection is cut, not done */
  'disconnect',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How a reload shows at the caller: told of the disconnect, cut off, or "verified" as CoplayDev's server does it. */
export type ReloadReply = 'disconnected' | 'lost' | 'verified';

export interface Fault {
  readonly editor: string;
  readonly tool: string;
  readonly kind: FaultKind;
  readonly ms: number;
  readonly reply: ReloadReply;
}

export interface FaultTable {
  add(fault: Fault, count: number): void;
  clear(): number;
  /** Uses up the oldest fault that matches this call, if any; `*` does not mean ping, which others send all the time. */
  take(editor: string, tool: string): Fault | undefined;
  list(): readonly { readonly fault: Fault; readonly left: number }[];
}

export function createFaultTable(): FaultTable {
  let armed: { readonly fault: Fault; left: number }[] = [];
  return {
    add(fault, count) {
      armed.push({ fault, left: count });
    },
    clear() {
      const cleared = armed.length;
      armed = [];
      return cleared;
    },
    take(editor, tool) {
      if (armed.length === 0) return undefined;
      const found = armed.find(
        ({ fault }) =>
          (fault.editor === '*' || fault.editor === editor) &&
          (fault.tool === tool || (fault.tool === '*' && tool !== 'ping')),
      );
      if (found === undefined) return undefined;
      found.left -= 1;
      if (found.left === 0) armed = armed.filter((each) => each !== found);
      return found.fault;
    },
    list: () => armed.map(({ fault, left }) => ({ fault, left })),
  };
}

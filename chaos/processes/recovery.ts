import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessKind } from '../ports.js';
import type { RecoveryWatch } from './managedProcess.js';
import type { NatsObserver } from './natsObserver.js';
import { ask, projectedTo } from './postgresObserver.js';
import { isOk } from './simulator.js';

const POLL_MS = 25;

/** What the questions "does it serve again?" need. */
export interface RecoveryEyes {
  readonly observer: () => NatsObserver;
  readonly primaryUrl: string;
  readonly replicaUrl: string;
  readonly simulatorUrl: string;
  /** `/readyz` of an ingest or the gate. */
  readonly readyUrl?: string;
  /** Whether the process itself is up and awake. */
  readonly awake?: () => boolean;
  /** The partitions this worker owns now; undefined when nobody tells. */
  readonly owned?: () => Promise<readonly number[] | undefined>;
}

type Question = (signal: AbortSignal) => Promise<boolean>;

/** How each kind shows that it serves again (reliability is measured from outside, by use). */
export function recoveryWatch(kind: ProcessKind, eyes: RecoveryEyes): RecoveryWatch {
  switch (kind) {
    case 'nats':
      return simply(async () => {
        await eyes.observer().store();
        return true;
      });
    case 'postgres':
      return simply(async () => (await ask(eyes.primaryUrl, 'SELECT 1')).length === 1);
    case 'standby':
      return simply(async () => (await ask(eyes.replicaUrl, 'SELECT 1')).length === 1);
    case 'simulator':
      return simply((signal) => answersMcp(eyes.simulatorUrl, signal));
    case 'ingest':
    case 'gate':
      return simply((signal) => isOk(eyes.readyUrl ?? '', signal));
    case 'projector':
      return projectorWatch(eyes);
    case 'worker':
      return workerWatch(eyes);
  }
}

/** Nothing to note before: the question alone tells. */
const simply =
  (question: Question): RecoveryWatch =>
  async () =>
  (signal) =>
    until(question, signal);

/** What was in the log when it was up again is projected. */
const projectorWatch =
  (eyes: RecoveryEyes): RecoveryWatch =>
  async () =>
  async (signal) => {
    let end: number | undefined;
    await until(async () => {
      if (eyes.awake?.() === false) return false;
      end ??= await eyes.observer().logEnd();
      return (await projectedTo(eyes.primaryUrl)) >= end;
    }, signal);
  };

/** Every partition it had has been claimed anew, by whomever, or is its own still now that it is awake again. */
const workerWatch =
  (eyes: RecoveryEyes): RecoveryWatch =>
  async () => {
    const before = await eyes.observer().logEnd();
    const had = (await eyes.owned?.()) ?? [];
    if (had.length === 0) return undefined;
    return (signal) =>
      until(async () => {
        const claimed = await eyes.observer().claimedAfter(before);
        if (had.every((partition) => claimed.has(partition))) return true;
        const own = eyes.awake?.() === true ? ((await eyes.owned?.()) ?? []) : [];
        return had.every((partition) => claimed.has(partition) || own.includes(partition));
      }, signal);
  };

/** Asks until the answer is yes. A question that fails is a no. Rejects when the signal aborts. */
export async function until(question: Question, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await question(signal).catch(() => false)) return;
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function answersMcp(baseUrl: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(`${baseUrl}/mcp`, {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'spark-chaos', version: '1' },
      },
    }),
  });
  await response.text();
  return response.ok;
}

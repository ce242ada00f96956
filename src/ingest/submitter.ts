import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CommandRequest } from '../commands/envelope.js';
import type { Refusal } from '../commands/problems.js';
import { type Clock, every, pause } from '../core/clock.js';
import { commandIdOfPosition } from '../core/ids.js';
import type { Service } from '../core/service.js';
import type { CommandState } from '../events/outcome.js';
import type { BeforeStore, SubmitResult, Submitter } from '../http/ports.js';
import type { Backpressure } from './backpressure.js';
import {
  type Candidate,
  candidateOf,
  envelopeMessageId,
  type Known,
  splitEnvelopes,
  triage,
} from './planBatch.js';
import type { BacklogProbe, CommandPublisher, LedgerLookup } from './ports.js';

export interface SubmitterOptions {
  readonly publisher: CommandPublisher;
  readonly probe: BacklogProbe;
  readonly lookup: LedgerLookup;
  readonly backpressure: Backpressure;
  readonly clock: Clock;
  /** Requests that arrive within this time share one message. */
  readonly coalesceMs: number;
  /** After this, counted from the request, a publish that is not acknowledged is not tried again. */
  readonly publishTimeoutMs: number;
  /** How long a key holds: the ledger's term. */
  readonly keyTermMs: number;
  readonly onAccepted: (commands: number) => void;
  readonly onProbeError: (error: unknown) => void;
}

const KEYS_REMEMBERED = 100_000;
const ENVELOPE_BYTES = 700 * 1024;
const PROBE_MS = 200;
const MAX_WAITING = 5_000;

interface Waiting {
  readonly candidate: Candidate;
  readonly sinceMs: number;
  resolve(result: SubmitResult): void;
}

/**
 * The thin way in: what arrives within a moment is checked against the ledger in one question and stored as one envelope a partition.
 * A result is `accepted` only after JetStream's PubAck, so whatever happens to this process, an accepted command is in the stream.
 */
export class CoalescingSubmitter implements Submitter, Service {
  readonly name = 'submitter';
  readonly #options: SubmitterOptions;
  readonly #recent: LRUCache<string, Known>;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #stopProbe: (() => void) | undefined;

  constructor(options: SubmitterOptions) {
    this.#options = options;
    this.#recent = new LRUCache({ max: KEYS_REMEMBERED, ttl: options.keyTermMs });
  }

  async start(): Promise<void> {
    const { probe, backpressure, clock, onProbeError } = this.#options;
    this.#stopProbe ??= every(
      PROBE_MS,
      async () => backpressure.sample(await probe(), clock.monotonicMs()),
      onProbeError,
    );
  }

  async stop(): Promise<void> {
    this.#stopProbe?.();
    this.#stopProbe = undefined;
    await this.#flushing;
  }

  async submit(requests: readonly CommandRequest[], beforeStore?: BeforeStore): Promise<SubmitResult[]> {
    const brake = this.#options.backpressure.verdict();
    if (brake || this.#waiting.length > MAX_WAITING) {
      const { retryAfterMs, queuePosition, reason } = brake ?? {
        retryAfterMs: 1_000,
        queuePosition: this.#waiting.length,
        reason: 'ingest_busy',
      };
      return requests.map(() => ({ kind: 'saturated', retryAfterMs, queuePosition, reason }));
    }
    if (beforeStore) {
      try {
        await beforeStore();
      } catch {
        return requests.map(() => unavailable('what the command needs could not be stored'));
      }
      // It may have taken long: the brake is asked again.
      return this.submit(requests);
    }
    const sinceMs = this.#options.clock.monotonicMs();
    const results = requests.map(
      (request) =>
        new Promise<SubmitResult>((resolve) =>
          this.#waiting.push({ candidate: candidateOf(request), resolve, sinceMs }),
        ),
    );
    this.#flushing ??= this.#flush();
    return Promise.all(results);
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        if (this.#options.coalesceMs > 0) await pause(this.#options.clock, this.#options.coalesceMs);
        const batch = this.#waiting.splice(0);
        try {
          await this.#store(batch);
        } catch {
          // Nothing was acknowledged by us: the same keys may come again.
          for (const { resolve } of batch) resolve(unavailable('the ledger cannot be asked'));
        }
      }
    } finally {
      this.#flushing = undefined;
    }
  }

  async #store(batch: readonly Waiting[]): Promise<void> {
    const candidates = batch.map(({ candidate }) => candidate);
    const verdicts = triage(candidates, await this.#known(candidates));
    const toStore = new Map<number, Candidate[]>();
    const results = new Map<Candidate, SubmitResult>();
    for (const [index, candidate] of candidates.entries())
      if (verdicts[index]?.kind === 'store') {
        const partition = this.#options.publisher.partitionOf(candidate.request.editor);
        toStore.set(partition, [...(toStore.get(partition) ?? []), candidate]);
      }
    // Counted from the first that came: who has waited behind an outage already does not wait for as long again.
    const sinceMs = Math.min(...batch.map((waiting) => waiting.sinceMs));
    const giveUpAtMs = sinceMs + this.#options.publishTimeoutMs;
    await Promise.all(
      [...toStore].map(([partition, commands]) =>
        this.#storePartition(partition, commands, results, giveUpAtMs),
      ),
    );
    for (const [index, { candidate, resolve }] of batch.entries()) {
      const verdict = verdicts[index];
      if (verdict?.kind === 'repeat')
        resolve({
          kind: 'accepted',
          commandId: verdict.commandId,
          duplicate: true,
          status: verdict.state as CommandState,
        });
      else if (verdict?.kind === 'mismatch')
        resolve({ kind: 'refused', refusal: mismatch(candidate.request) });
      else if (verdict?.kind === 'same_as')
        resolve(asDuplicate(results.get(candidates[verdict.index] as Candidate)));
      else resolve(results.get(candidate) ?? unavailable('not stored'));
    }
  }

  /** One partition's envelopes, one after the other: order as accepted. */
  async #storePartition(
    partition: number,
    commands: readonly Candidate[],
    results: Map<Candidate, SubmitResult>,
    giveUpAtMs: number,
  ): Promise<void> {
    let stop: SubmitResult | undefined;
    for (const envelope of splitEnvelopes(commands, ENVELOPE_BYTES)) {
      // After a refusal nothing later of the batch may overtake what was refused.
      const outcome = stop ?? (await this.#storeEnvelope(partition, envelope, results, giveUpAtMs));
      if (outcome === undefined) continue;
      stop = outcome;
      for (const candidate of envelope) results.set(candidate, outcome);
    }
  }

  /** Undefined when stored (results are set); otherwise what to tell everybody in it. */
  async #storeEnvelope(
    partition: number,
    envelope: readonly Candidate[],
    results: Map<Candidate, SubmitResult>,
    giveUpAtMs: number,
  ): Promise<SubmitResult | undefined> {
    const { publisher, backpressure, clock, onAccepted } = this.#options;
    const messageId = envelopeMessageId(envelope, randomUUID);
    // A duplicate after a publish of ours that got no answer is most likely that one: new to whoever asked.
    let again = false;
    for (;;) {
      const requests = envelope.map(({ request }) => request);
      const result = await publisher.publish(partition, requests, messageId);
      if (result.kind === 'stored') {
        const duplicate = result.duplicate && !again;
        for (const [index, candidate] of envelope.entries())
          results.set(candidate, this.#accept(candidate, result.seq, index, duplicate));
        if (!duplicate) {
          backpressure.accepted(envelope.length);
          onAccepted(envelope.length);
        }
        return undefined;
      }
      if (result.kind === 'full') {
        backpressure.streamFull();
        const brake = backpressure.verdict();
        return {
          kind: 'saturated',
          retryAfterMs: brake?.retryAfterMs ?? 1_000,
          queuePosition: brake?.queuePosition ?? 0,
          reason: 'stream_full',
        };
      }
      if (clock.monotonicMs() >= giveUpAtMs) return unavailable('the command stream does not answer');
      again = true;
      await pause(clock, 100);
    }
  }

  #accept(
    { commandId, payloadSha }: Candidate,
    seq: number,
    index: number,
    duplicate: boolean,
  ): SubmitResult {
    const id = commandId ?? commandIdOfPosition(this.#options.publisher.streamCreated, seq, index);
    if (commandId !== undefined) this.#recent.set(commandId, { payloadSha, state: 'accepted' });
    return { kind: 'accepted', commandId: id, duplicate, status: 'accepted' };
  }

  /** What this process remembers, then the workers' ledger for the rest, in one question. */
  async #known(candidates: readonly Candidate[]): Promise<Map<string, Known>> {
    const known = new Map<string, Known>();
    const ask = new Set<string>();
    for (const { commandId } of candidates) {
      if (commandId === undefined) continue;
      const recent = this.#recent.get(commandId);
      if (recent) known.set(commandId, recent);
      // What was accepted a moment ago may have ended since: the ledger knows the state, this process only the payload.
      ask.add(commandId);
    }
    if (ask.size === 0) return known;
    for (const { commandId, payloadSha, state } of await this.#options.lookup([...ask])) {
      const sha = payloadSha ?? known.get(commandId)?.payloadSha;
      if (sha !== undefined) known.set(commandId, { payloadSha: sha, state });
    }
    return known;
  }
}

function asDuplicate(result: SubmitResult | undefined): SubmitResult {
  if (!result) return unavailable('not stored');
  return result.kind === 'accepted' ? { ...result, duplicate: true } : result;
}

const unavailable = (reason: string): SubmitResult => ({ kind: 'unavailable', retryAfterMs: 1_000, reason });

function mismatch(request: CommandRequest): Refusal {
  return {
    code: 'idempotency_mismatch',
    message: `the idempotency key "${request.idempotencyKey}" was used before in session ${request.sessionId} with another payload; the first command is untouched: send a new key`,
    errors: [{ pointer: '/idempotencyKey', message: 'used before with another payload' }],
  };
}

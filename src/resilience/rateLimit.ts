import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import type { RateRule } from '../core/rateRules.js';

/** What is counted: who asks, in which session, for what. */
export interface RatedCommand {
  readonly actor: string;
  readonly sessionId: string;
  readonly type: string;
}

/** Which limit was met and when it is worth trying again. */
export interface RateRefusal {
  readonly limit: string;
  readonly count: number;
  readonly windowSeconds: number;
  readonly retryAfterMs: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A rule, and whom it counts here. */
type Applying = readonly [RateRule, string];

/** Actors, sessions and tools of actors that are told apart at once; the one used longest ago is forgotten first, and begins anew. */
const MAX_BUCKETS = 100_000;

/** Names of actors may be many, or made up: all of them together get that many times what one may have of a tool. */
const EVERYBODY_FACTOR = 4;
const EVERYBODY = '/all';

/**
 * Token buckets, one a rule and name, and one more a tool over all actors (`<tool>/all`): a full bucket holds one window's worth, and
 * refills evenly. Taking is O(1), in memory, and all or nothing over the rules that apply. Processes tell each other what they let through (`spent`, `spentElsewhere`): until word comes,
 * each lets through on its own, so at any moment N processes have let through at most (N - 1) × (count + rate × delay of the word) more
 * than one would have; a bucket may go below zero for that, so what was too much is paid back before anything else goes through.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #rules = new Map<string, RateRule>();
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_BUCKETS });
  /** One a tool: never forgotten, or whoever makes up enough names would begin them anew. */
  readonly #everybodys = new Map<string, Bucket>();
  /** Since the others were told last. */
  #spent = new Map<string, number>();

  constructor(rules: readonly RateRule[], clock: Clock) {
    this.#clock = clock;
    for (const rule of rules) {
      this.#rules.set(rule.name, rule);
      if (rule.name === 'actor' || rule.name === 'session') continue;
      const everybody = { ...rule, name: rule.name + EVERYBODY, count: rule.count * EVERYBODY_FACTOR };
      this.#rules.set(everybody.name, everybody);
    }
  }

  /** Counts one command, or says which limit stands against it; then nothing is counted. */
  take(command: RatedCommand): RateRefusal | undefined {
    return this.#takeAll(this.#applying(command));
  }

  /** The same for one posted file: the rule `uploads`, and no other. */
  takeUpload(actor: string): RateRefusal | undefined {
    return this.#takeAll(this.#ofTool('uploads', actor));
  }

  #takeAll(rules: readonly Applying[]): RateRefusal | undefined {
    const nowMs = this.#clock.monotonicMs();
    const taken: { key: string; bucket: Bucket }[] = [];
    for (const [rule, name] of rules) {
      const key = keyOf(rule, name);
      const bucket = this.#bucket(key, rule, nowMs);
      if (bucket.tokens < 1) {
        const waitMs = ((1 - bucket.tokens) * rule.windowSeconds * 1_000) / rule.count;
        const { count, windowSeconds } = rule;
        return { limit: rule.name, count, windowSeconds, retryAfterMs: Math.max(1, Math.ceil(waitMs)) };
      }
      taken.push({ key, bucket });
    }
    for (const { key, bucket } of taken) {
      bucket.tokens--;
      this.#spent.set(key, (this.#spent.get(key) ?? 0) + 1);
    }
    return undefined;
  }

  /** What was let through since the last call, by bucket: for the other processes. */
  spent(): readonly (readonly [string, number])[] {
    if (this.#spent.size === 0) return [];
    const spent = [...this.#spent];
    this.#spent = new Map();
    return spent;
  }

  /** What another process let through. Names of rules this one does not have are ignored. */
  spentElsewhere(spent: readonly (readonly [string, number])[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, count] of spent) {
      const rule = this.#rules.get(key.slice(0, key.indexOf(' ')));
      if (rule && Number.isFinite(count) && count > 0) this.#bucket(key, rule, nowMs).tokens -= count;
    }
  }

  #applying({ actor, sessionId, type }: RatedCommand): Applying[] {
    const [byActor, bySession] = [this.#rules.get('actor'), this.#rules.get('session')];
    const applying = this.#ofTool(this.#rules.has(type) ? type : familyOf(type), actor);
    if (bySession) applying.push([bySession, sessionId]);
    if (byActor) applying.push([byActor, actor]);
    return applying;
  }

  #ofTool(name: string, actor: string): Applying[] {
    const [tool, everybody] = [this.#rules.get(name), this.#rules.get(name + EVERYBODY)];
    const applying: Applying[] = [];
    if (tool) applying.push([tool, actor]);
    if (everybody) applying.push([everybody, '*']);
    return applying;
  }

  #bucket(key: string, { name, count, windowSeconds }: RateRule, nowMs: number): Bucket {
    const buckets = name.endsWith(EVERYBODY) ? this.#everybodys : this.#buckets;
    const known = buckets.get(key);
    if (!known) {
      const bucket = { tokens: count, atMs: nowMs };
      buckets.set(key, bucket);
      return bucket;
    }
    known.tokens = Math.min(count, known.tokens + ((nowMs - known.atMs) * count) / (windowSeconds * 1_000));
    known.atMs = nowMs;
    return known;
  }
}

const familyOf = (type: string): string => `${type.slice(0, type.indexOf('.'))}.*`;

const keyOf = (rule: RateRule, name: string): string => `${rule.name} ${name}`;

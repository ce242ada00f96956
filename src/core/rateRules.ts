import { SparkError } from './errors.js';

/** How many commands (or uploads) a rule lets through in which time. */
export interface RateRule {
  /** `actor` (a token of HTTP, or `nats`: all that comes over NATS), `session`, `uploads`, a command type, or a family of types as `cv.*`; but for the first two a rule counts for each actor, and four times it for all together. */
  readonly name: string;
  readonly count: number;
  readonly windowSeconds: number;
}

/** Whom the limits count for what comes over NATS: all of it together, whatever name it gives itself, apart from every token of HTTP. */
export const NATS_ACTOR = 'nats';

export class RateRulesError extends SparkError {
  readonly code = 'bad_rate_limits';
}

/** Generous for commands, low for what is heavy. */
export const DEFAULT_RATE_LIMITS =
  'actor=20000/s;session=10000/s;unity.run_build=30/m;unity.render_preview=50/s;cv.*=20/s;asr.*=20/s;unity.call_tool=50/s;preset.apply=60/m;session.import=6/m;uploads=600/m';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };
const ENTRY = /^([a-z][a-z_]*(?:\.(?:[a-z_]+|\*))?)\s*=\s*(?:([1-9]\d{0,8})\s*\/\s*([smh])|off)$/;

/** `name=count/s|m|h` or `name=off`, joined by semicolons, over the defaults. Throws `RateRulesError` that says which entry is wrong. */
export function parseRateLimits(text: string): readonly RateRule[] {
  const rules = new Map<string, RateRule>();
  for (const source of [DEFAULT_RATE_LIMITS, text])
    for (const entry of source.split(';').map((part) => part.trim())) {
      if (entry === '') continue;
      const match = ENTRY.exec(entry);
      const [, name, count, unit] = match ?? [];
      if (!name)
        throw new RateRulesError(
          `"${entry}" is no rate limit: write name=count/s, /m or /h (or name=off), e.g. session=10000/s;unity.run_build=30/m`,
        );
      if (count === undefined || unit === undefined) rules.delete(name);
      else rules.set(name, { name, count: Number(count), windowSeconds: SECONDS[unit] ?? 1 });
    }
  return [...rules.values()];
}

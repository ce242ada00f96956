import { randomUUID } from 'node:crypto';
import { parseRateLimits } from '../core/rateRules.js';
import type { Service } from '../core/service.js';
import { RateLimit } from '../resilience/rateLimit.js';
import type { NatsConnection } from '../streams/connection.js';
import { createRateGossip } from '../streams/rateGossip.js';
import type { RoleContext } from './context.js';

/** The rate limits of one process, and its talk with the others about them. */
export function createRateLimits(
  { config, clock }: RoleContext,
  nc: NatsConnection,
): { readonly rate: RateLimit; readonly gossip: Service } {
  const rate = new RateLimit(parseRateLimits(config.SPARK_RATE_LIMITS), clock);
  return { rate, gossip: createRateGossip(nc, rate, randomUUID()) };
}

import { z } from 'zod';
import { LIMITS } from './limits.js';

/** What travels beside a payload has one rule each, for HTTP bodies, HTTP headers and NATS headers alike. */

/** Becomes a NATS header: no control characters, nothing that needs an encoding. */
const visible = (maxChars: number) =>
  z
    .string()
    .regex(new RegExp(`^[\\x21-\\x7e]{1,${maxChars}}$`), `must be 1 to ${maxChars} visible ASCII characters`);

export const idempotencyKey = visible(LIMITS.idempotencyKeyChars);
/** Correlation and causation ids. */
export const relationId = visible(LIMITS.actorChars);

/** As `visible`, with spaces inside: actors are often people. */
export const actor = z
  .string()
  .max(LIMITS.actorChars)
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII without spaces at its ends');

export const deadline = z.iso.datetime({
  offset: true,
  error: 'must be ISO 8601 with a time zone, e.g. 2030-01-31T12:00:00Z',
});

export const priority = z.int().min(0).max(9);

/** W3C Trace Context, version 00 and later ones read as it. */
export const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

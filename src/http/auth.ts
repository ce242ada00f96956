import { createHash, timingSafeEqual } from 'node:crypto';
import { SCOPES, type Scope } from '../commands/catalogue.js';

/** `admin` is for what concerns everybody's work; it does not imply the others. */
export type TokenScope = Scope | 'admin';
export const ALL_SCOPES: readonly TokenScope[] = [...SCOPES, 'admin'];

/** One token as configured: only its hash is kept. */
export interface TokenGrant {
  /** Stands as the actor of commands that name none. */
  readonly name: string;
  /** Hex SHA-256 of the token. */
  readonly sha256: string;
  readonly scopes: readonly TokenScope[];
}

export interface Principal {
  readonly name: string;
  readonly scopes: ReadonlySet<TokenScope>;
}

/** A grant for a token in the clear, which is hashed here and not kept. */
export function grantOf(name: string, token: string, scopes: readonly TokenScope[] = ALL_SCOPES): TokenGrant {
  return { name, sha256: createHash('sha256').update(token).digest('hex'), scopes };
}

/**
 * Who an `Authorization` header belongs to. Hashes of equal length are compared in constant time, and all of them, so that
 * the time says nothing about which one was near.
 */
export function createAuthenticator(
  grants: readonly TokenGrant[],
): (header: string | undefined) => Principal | undefined {
  const known = grants.map((grant) => ({
    hash: Buffer.from(grant.sha256, 'hex'),
    principal: { name: grant.name, scopes: new Set(grant.scopes) },
  }));
  for (const { hash, principal } of known)
    if (hash.length !== 32) throw new RangeError(`the token hash of "${principal.name}" is no SHA-256`);
  return (header) => {
    const token = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(header ?? '')?.[1];
    if (token === undefined) return undefined;
    const presented = createHash('sha256').update(token).digest();
    let found: Principal | undefined;
    for (const { hash, principal } of known) if (timingSafeEqual(hash, presented)) found = principal;
    return found;
  };
}

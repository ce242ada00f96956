import type pg from 'pg';
import { scramVerifier } from './scram.js';

/** The roles that log in (migrations/0001_roles.sql). */
export const LOGIN_ROLES = ['spark_projector', 'spark_ingest', 'spark_dashboard_ro'] as const;
export type LoginRole = (typeof LOGIN_ROLES)[number];

/** Sets passwords of roles; those not named keep theirs. Safe to repeat at every start. */
export async function setRolePasswords(
  admin: pg.Pool,
  passwords: Partial<Readonly<Record<LoginRole, string>>>,
): Promise<void> {
  for (const role of LOGIN_ROLES) {
    const password = passwords[role];
    if (password === undefined) continue;
    // ALTER ROLE takes no parameters. The verifier is base64 and `$:` only, the role one of ours: nothing to escape.
    await admin.query(`ALTER ROLE ${role} LOGIN PASSWORD '${scramVerifier(password)}'`);
  }
}

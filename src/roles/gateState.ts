import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { codeOf, SparkError } from '../core/errors.js';
import { isLoopback } from '../http/hostGuard.js';

/** The worker is told of a gate and of no token for it. */
export class NoGateTokenError extends SparkError {
  readonly code = 'no_gate_token';
}

const ID_FILE = 'gate.id';
const TOKEN_FILE = 'gate.token';

/** Names the fence that lies in `stateDir`: made once, and gone with it. */
export function gateIdentity(stateDir: string): string {
  return keptOnce(stateDir, ID_FILE, () => randomUUID());
}

/** The configured token, or the one that is made for this home and lies beside the fences, for its gate and its workers. */
export function tokenOfGate(config: Config, stateDir: string): string {
  return (
    config.SPARK_GATE_TOKEN ?? keptOnce(stateDir, TOKEN_FILE, () => randomBytes(32).toString('base64url'))
  );
}

/**
 * What a worker shows to the gate: the configured token, or on this machine that of a gate in the same home, whichever of the two starts
 * first. Throws `NoGateTokenError`.
 */
export function tokenForGate(config: Config, stateDir: string): string {
  const { SPARK_GATE_URL: url = '' } = config;
  if (config.SPARK_GATE_TOKEN === undefined && !isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, '')))
    throw new NoGateTokenError(`set SPARK_GATE_TOKEN to the token of the gate at ${url}`);
  return tokenOfGate(config, stateDir);
}

/** What lies in the file, or what `make` gives, written before it is used. Whole or not there at all, whatever crashes. */
function keptOnce(stateDir: string, name: string, make: () => string): string {
  const file = join(stateDir, name);
  const known = read(file);
  if (known !== undefined) return known;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.tmp`;
  try {
    const handle = openSync(draft, 'w', 0o600);
    try {
      writeSync(handle, make());
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    // Takes nobody's place: of two that begin at once, both read what the first has linked.
    linkSync(draft, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

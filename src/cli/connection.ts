import { resolve } from 'node:path';
import { readEndpoints } from './endpoints.js';
import { UnreachableError, UsageError } from './errors.js';
import type { CliEnvironment } from './settings.js';

/** The options every client command has. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly token?: string;
  readonly home?: string;
  readonly json?: boolean;
}

/** Where SPARK's HTTP API is, and the bearer token for it. `url` has no slash at its end. */
export interface Connection {
  readonly url: string;
  readonly token: string | undefined;
}

export function homeOf(options: ConnectionOptions, env: CliEnvironment): string {
  return options.home === undefined ? env.home : resolve(options.home);
}

/**
 * Option, then environment, then the running SPARK of the home. The home's own token goes to the home's own URL only, so a
 * mistyped --url never receives it.
 * @throws UnreachableError when nothing says where SPARK is, UsageError when the URL is none.
 */
export function resolveConnection(options: ConnectionOptions, env: CliEnvironment): Connection {
  const given = options.url ?? env.url;
  const token = options.token ?? env.token;
  const home = homeOf(options, env);
  const reading = readEndpoints(home);
  const local = reading.state === 'found' ? reading.endpoints : undefined;
  if (given !== undefined) {
    const url = httpUrl(given);
    return { url, token: token ?? (local && httpUrl(local.http) === url ? local.token : undefined) };
  }
  if (local) return { url: httpUrl(local.http), token: token ?? local.token };
  const why = reading.state === 'broken' ? `${reading.path} ${reading.reason}` : `no SPARK runs in ${home}`;
  throw new UnreachableError(why, {
    hint: 'Start one with `npm start`, or say where it is: --url and --token, SPARK_URL and SPARK_TOKEN, or --home.',
  });
}

function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`${text} is not an http:// or https:// URL`);
  return url.href.replace(/\/+$/, '');
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../core/errors.js';

const text = z.string().nullish();

/** `$SPARK_HOME/endpoints.json` as a running SPARK writes it (mode 0600, removed at stop). Parts that are not there are null. */
const endpointsFile = z.looseObject({
  http: z.string(),
  token: z.string(),
  nats: text,
  natsWs: text,
  postgres: text,
  replica: text,
  unityMcp: text,
  unitySimulator: text,
  effectLog: text,
  pids: z.record(z.string(), z.number().nullable()).nullish(),
});

export type Endpoints = z.infer<typeof endpointsFile>;

export type EndpointsReading =
  | { readonly state: 'found'; readonly path: string; readonly endpoints: Endpoints }
  | { readonly state: 'missing'; readonly path: string }
  | { readonly state: 'broken'; readonly path: string; readonly reason: string };

/** What the home says about the SPARK that runs in it. */
export function readEndpoints(home: string): EndpointsReading {
  const path = join(home, 'endpoints.json');
  let raw: string;
  try {
    raw = readFileSync(path, 'utf8');
  } catch (error) {
    return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
      ? { state: 'missing', path }
      : { state: 'broken', path, reason: `cannot be read (${codeOf(error) ?? 'unknown'})` };
  }
  try {
    return { state: 'found', path, endpoints: endpointsFile.parse(JSON.parse(raw)) };
  } catch {
    return { state: 'broken', path, reason: 'is not the JSON that SPARK writes' };
  }
}

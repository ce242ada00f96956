import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HistoryRecord, readHistory } from '../../history.js';
import type { System } from '../../ports.js';
import type { Effect, Evidence, TableDump } from '../evidence.js';
import { operationsOf } from '../operations.js';
import { type DatabaseLook, lookAt } from './database.js';
import { foldIntoScratch, rebuildLive } from './fold.js';
import { Reading } from './patiently.js';
import { readLog, readTelemetry } from './readStream.js';

export interface CollectOptions {
  readonly historyFile: string;
  /** Ends the projector, so that the live database can be rebuilt in place; undefined: that is left out. */
  readonly stopProjector?: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

const NOT_LOOKED: DatabaseLook = { tables: [], events: [], commands: [], audit: undefined };

/** Everything the checker looks at, from a system that runs and is quiet. What does not answer is told as unread; nothing is thrown for it. */
export async function collect(system: System, options: CollectOptions): Promise<Evidence> {
  const { signal, stopProjector } = options;
  const { primaryUrl, replicaUrl } = system.postgres;
  const history = readHistory(options.historyFile);
  const read = new Reading(signal);
  const { admin } = system.nats;
  const { log, lastSeq } = await read.of('log', { log: [], lastSeq: 0 }, () => readLog(admin, signal));
  const telemetry = await read.of('telemetry', undefined, () => readTelemetry(admin, signal));
  const primary = await read.of('primary', NOT_LOOKED, () => lookAt(primaryUrl));
  const replica = await read.of('replica', NOT_LOOKED, () => sameOn(replicaUrl, primary.tables));
  const effects = await read.of('effects', [], () => readEffects(system.simulator.effectLog));
  const files = await read.of('files', {}, () => filesOf(system, history));
  const folded = await attempt(() => foldIntoScratch(system, signal));
  const rebuilt =
    stopProjector &&
    (await attempt(async () => {
      await stopProjector();
      return rebuildLive(system, signal);
    }));
  return {
    history,
    effects,
    log,
    logLastSeq: lastSeq,
    models: {
      folded: folded.tables ?? [],
      foldError: folded.error,
      primary: primary.tables,
      replica: replica.tables,
      rebuilt: rebuilt?.tables,
      rebuildError: rebuilt?.error,
      eventKeys: { primary: primary.events, replica: replica.events },
    },
    commands: { primary: primary.commands, replica: replica.commands },
    audit: primary.audit,
    files,
    telemetry,
    collectedAtMs: Date.now(),
    unread: read.unread,
  };
}

interface Attempt {
  readonly tables?: readonly TableDump[];
  readonly error?: string;
}

/** A rebuild that fails is a finding, and what else there is to find must not be lost with it. */
async function attempt(rebuild: () => Promise<readonly TableDump[]>): Promise<Attempt> {
  try {
    return { tables: await rebuild() };
  } catch (error) {
    const { message, stderr } = error as { message?: string; stderr?: string };
    return { error: `${message ?? String(error)}\n${stderr ?? ''}`.trim() };
  }
}

const REPLICA_WITHIN_MS = 10_000;
const REPLICA_POLL_MS = 200;

/** The standby may be a moment behind a primary that is quiet; what it then has is what counts. */
async function sameOn(url: string, wanted: readonly TableDump[]): ReturnType<typeof lookAt> {
  const text = (tables: readonly TableDump[]): string =>
    JSON.stringify(tables.map(({ table, rows }) => [table, rows.size]));
  const untilMs = performance.now() + REPLICA_WITHIN_MS;
  for (;;) {
    const found = await lookAt(url);
    if (text(found.tables) === text(wanted) || performance.now() > untilMs) return found;
    await sleep(REPLICA_POLL_MS);
  }
}

/** The simulator's effect log, straight from its file; a torn last line is one that nobody was told of. */
function readEffects(file: string): Effect[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Effect);
}

/** The files that append tokens went into, as they are now. */
function filesOf(system: System, history: readonly HistoryRecord[]): Record<string, string | null> {
  const folders = new Map(system.editors.map(({ name, projectFolder }) => [name, projectFolder]));
  const files: Record<string, string | null> = {};
  for (const { invoke } of operationsOf(history)) {
    const path = invoke.about?.['appendTo'];
    const folder = folders.get(invoke.editor ?? '');
    if (typeof path !== 'string' || folder === undefined) continue;
    files[`${invoke.editor}:${path}`] ??= textOf(join(folder, path));
  }
  return files;
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

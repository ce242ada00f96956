/** The simulator's state in one place: editors with their projects, MCP sessions, armed faults, the effect log. */
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Editor } from './editor.js';
import { type Effect, type EffectLog, openEffectLog } from './effect-log.js';
import { SimulatorError } from './errors.js';
import { createFaultTable, type FaultTable } from './faults.js';
import { createSessions, type Sessions } from './mcp-sessions.js';
import { ensureMeta, isFolder, removeMeta } from './meta-files.js';
import { EDITOR_NAME, EDITORS_MAX, type SimulatorOptions } from './options.js';
import { ensureProject } from './project.js';
import { shaOfFile } from './safe-write.js';

export interface Simulator {
  readonly options: SimulatorOptions;
  /** What tests may change while it runs. */
  readonly tuning: { buildMs: number; buildsBlock: boolean };
  readonly effectLogFile: string;
  readonly effects: EffectLog;
  readonly faults: FaultTable;
  readonly sessions: Sessions;
  /** By name, in the order they were added: the first one is what `/api/command` takes by default. */
  readonly editors: ReadonlyMap<string, Editor>;
  /** Aborted when the simulator stops. */
  readonly stopped: AbortSignal;
  /** The editor of that name, made with its project if there is none; throws SimulatorError `bad_editor`. */
  addEditor(name: string): Editor;
  close(): void;
}

export function openSimulator(options: SimulatorOptions): Simulator {
  mkdirSync(join(options.stateDir, 'projects'), { recursive: true });
  // The instance id hashes the project's path, so it must not depend on how the folder was spelled.
  const stateDir = realpathSync(options.stateDir);
  const projects = join(stateDir, 'projects');
  const effectLogFile = join(stateDir, 'effects.jsonl');
  const effects = openEffectLog({
    file: effectLogFile,
    fsync: options.fsync,
    now: options.now,
    settle: (effect) => settle(projects, effect),
  });
  const editors = new Map<string, Editor>();
  const stop = new AbortController();
  const simulator: Simulator = {
    options,
    tuning: { buildMs: options.buildMs, buildsBlock: false },
    effectLogFile,
    effects,
    faults: createFaultTable(),
    sessions: createSessions(),
    editors,
    stopped: stop.signal,
    addEditor(name) {
      const known = editors.get(name);
      if (known !== undefined) return known;
      if (!EDITOR_NAME.test(name))
        throw new SimulatorError('bad_editor', `'${name}' does not match ${EDITOR_NAME}`);
      if (editors.size >= EDITORS_MAX)
        throw new SimulatorError('bad_editor', `no more than ${EDITORS_MAX} editors`);
      const root = join(projects, name);
      ensureProject(root);
      const editor = new Editor(name, root, options.now);
      editors.set(name, editor);
      return editor;
    },
    close() {
      if (stop.signal.aborted) return;
      stop.abort();
      for (const editor of editors.values()) editor.stop();
      effects.close();
    },
  };
  const left = readdirSync(projects).filter(
    (name) => EDITOR_NAME.test(name) && isFolder(join(projects, name)),
  );
  for (const name of [...options.editors, ...left.sort()]) simulator.addEditor(name);
  return simulator;
}

/**
 * Whether the effect that was being made when the process died has happened. A file's sha tells; if it has, its `.meta`
 * is put right too. Changes without a file (opaque runs, folders, moves with equal shas) count as happened when the
 * path is there, or always when there is no path: better one effect too many in the log than one missing.
 */
function settle(projects: string, effect: Effect): boolean {
  if (effect.path === null) return true;
  const file = join(projects, effect.editor, effect.path);
  const now = shaOfFile(file);
  if (effect.beforeSha === null && effect.afterSha === null) return isFolder(file);
  if (now !== effect.afterSha) return false;
  if (effect.afterSha === null) removeMeta(file);
  else ensureMeta(file, false);
  return true;
}

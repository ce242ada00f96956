import type { PresetApply } from '../../commands/presetApply.js';
import { sha256, uuidFrom } from '../../core/ids.js';
import { failed, type Task, type Unit, type Verdict } from '../lanes/task.js';
import type { PresetFile } from '../presetPort.js';
import { convergeUnit, prepareUnit, resumeUnit, type UnitChange } from '../undo/unit.js';
import { waiting } from '../undo/unitTelling.js';
import type { ExecuteContext } from './executeContext.js';
import { currentOf } from './executeScript.js';

/** preset.apply: every file created where there is none, as one unit: all of them, or none. */
export async function executePreset(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const result = (unit: Unit) => resultOf(task, unit);
  if (task.unit) return convergeUnit(task, task.unit, context, signal, result);
  if (task.started?.intents) {
    const resumed = await resumeUnit(task, task.started.intents, 'apply', context);
    return resumed.ok ? convergeUnit(task, resumed.unit, context, signal, result) : resumed.verdict;
  }
  const { presetId, targetFolder } = task.command.payload as PresetApply;
  if (!context.presets)
    return failed('failed', { code: 'not_available', message: 'this worker has no presets to apply' });
  const files = await context.presets.files(presetId, targetFolder);
  const looked = await lookAtAll(task, files, context, signal);
  if (!looked.ok) return looked.verdict;
  const prepared = await prepareUnit(task, 'apply', looked.changes, context);
  return prepared.ok ? convergeUnit(task, prepared.unit, context, signal, result) : prepared.verdict;
}

type Looked =
  | { readonly ok: true; readonly changes: readonly UnitChange[] }
  | { readonly ok: false; readonly verdict: Verdict };

/** A file that lies there already as wanted is fine and no part of the unit: its undo is not ours. */
async function lookAtAll(
  task: Task,
  files: readonly PresetFile[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Looked> {
  const { editor, commandId, type } = task.command;
  const changes: UnitChange[] = [];
  const folders = new Set<string>();
  const inTheWay: { path: string; currentSha256: string }[] = [];
  for (const [index, { path, bytes, meta }] of files.entries()) {
    const probe = await context.gate.probe(editor, path, signal);
    if (probe.state === 'away') {
      const { reason, retryAfterMs } = probe;
      return { ok: false, verdict: waiting(task, { kind: 'hold', reason, retryAfterMs }, editor) };
    }
    if (probe.state === 'refused') {
      const message = `${path}: ${probe.message}; nothing was written`;
      return { ok: false, verdict: failed('failed', { code: probe.code, message, path }) };
    }
    const current = currentOf(probe);
    if (current && current.sha256 === sha256(bytes)) continue;
    if (current) {
      inTheWay.push({ path, currentSha256: current.sha256 });
      continue;
    }
    // The first file that needs a folder makes it, and its undo, which comes last of them, removes it.
    const missing = (probe.state === 'absent' ? (probe.missingFolders ?? []) : []).filter(
      (folder) => !folders.has(folder),
    );
    for (const folder of missing) folders.add(folder);
    changes.push({
      editor,
      tool: type,
      change: { path, before: null, after: { bytes, meta } },
      operationIds: [uuidFrom('unit', commandId, index)],
      missingFolders: missing,
      createdFolders: [],
    });
  }
  return inTheWay.length > 0 ? { ok: false, verdict: occupied(inTheWay) } : { ok: true, changes };
}

function occupied(files: readonly { path: string; currentSha256: string }[]): Verdict {
  const [first] = files;
  const more = files.length > 1 ? ` (and ${files.length - 1} more)` : '';
  return failed('conflict', {
    code: 'file_exists',
    message: `${first?.path} exists already with another content${more}; choose another targetFolder, or remove it. Nothing was written`,
    path: first?.path,
    files: files.slice(0, 100),
  });
}

function resultOf(task: Task, unit: Unit): Readonly<Record<string, unknown>> {
  const { presetId, targetFolder } = task.command.payload as PresetApply;
  const files = unit.files.map(({ done, prepared }) => ({
    path: prepared.change.path,
    sha256: done?.result['sha256'] ?? null,
    bytes: done?.result['bytes'] ?? null,
  }));
  return {
    presetId,
    unitId: task.command.commandId,
    targetFolder: targetFolder ?? commonFolder(files.map(({ path }) => path)),
    editor: task.command.editor,
    files,
    ...(files.length === 0 ? { unchanged: true } : {}),
  };
}

/** The folder that all paths lie in; null for none. */
function commonFolder(paths: readonly string[]): string | null {
  const [first, ...others] = paths.map((path) => path.split('/').slice(0, -1));
  if (!first) return null;
  const common = others.reduce((parts, other) => {
    const end = parts.findIndex((part, at) => part !== other[at]);
    return end < 0 ? parts : parts.slice(0, end);
  }, first);
  return common.join('/') || null;
}

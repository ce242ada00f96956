import { sha256 } from '../core/ids.js';
import type { Answer, GateCall } from '../workers/editor.js';
import { type EditorAccess, mutate } from './editorAccess.js';
import { awaitMeta, metaPathOf, readMeta } from './metaFile.js';
import type { ProjectFolder } from './projectFolder.js';
import type { DeleteAssetStep, ImportModelStep, StageStep } from './steps.js';

/**
 * Steps whose bytes do not go through Unity's text tools: written on the editor's disk beside the MCP server, then imported. The compare
 * of compare-and-set is made here, under the editor's lane: weaker than Unity's own by the microseconds between the read and the call.
 */

/** Lays the `.meta` down first, so that Unity keeps the guid, then the file. */
export async function stage(access: EditorAccess, step: StageStep, call: GateCall): Promise<Answer> {
  const { folder } = access;
  if (folder !== null && step.meta !== null) {
    const there = folder.read(step.path);
    const current = there.kind === 'file' ? sha256(there.bytes) : '';
    if (there.kind !== 'refused' && current === step.beforeSha && mayReplaceMeta(folder, step))
      stageMeta(folder, step.path, step.meta);
  }
  return stageFile(access, step.path, step.beforeSha, step.bytes, call);
}

/** With a file that stays, only the `.meta` that was looked at may go. */
function mayReplaceMeta(folder: ProjectFolder, { path, beforeSha, metaBefore }: StageStep): boolean {
  if (beforeSha === '') return true;
  const there = readMeta(folder, path);
  return there !== null && metaBefore != null && Buffer.compare(there, metaBefore) === 0;
}

/** Writes a `.meta` unless it is there already. */
export function stageMeta(folder: ProjectFolder, path: string, meta: Uint8Array): void {
  const there = readMeta(folder, path);
  if (there === null || Buffer.compare(there, meta) !== 0) folder.write(metaPathOf(path), meta);
}

/** Writes the file and has Unity import it. Found done already, it only imports again. */
export async function stageFile(
  access: EditorAccess,
  path: string,
  beforeSha: string,
  bytes: Uint8Array,
  call: GateCall,
): Promise<Answer> {
  const { folder } = access;
  if (folder === null) return outOfReach(path);
  const there = folder.read(path);
  if (there.kind === 'refused') return there;
  const current = there.kind === 'file' ? sha256(there.bytes) : '';
  if (current !== sha256(bytes)) {
    if (current !== beforeSha) return beforeSha === '' ? { kind: 'exists' } : staleAt(current);
    const refusal = folder.write(path, bytes);
    if (refusal !== null) return refusal;
  }
  const answer = await importUntilHeard(access, path, call);
  if (answer.kind === 'done') {
    await awaitMeta(folder, path, access.clock, call.signal);
    return answer;
  }
  // The file is there whatever Unity said: only a probe may tell what that means.
  const said = 'reason' in answer ? answer.reason : 'message' in answer ? answer.message : answer.kind;
  return {
    kind: 'unknown',
    reason: `written on disk, not imported: ${said}`,
    mayStillRun: answer.kind === 'unknown',
  };
}

const IMPORT_RETRY_MS = 500;

/**
 * A probe sees the file from the moment it is written: whether Unity knows it must be heard here. Asked again while the editor reloads or
 * its answer is lost: a second import of the same file is harmless.
 */
async function importUntilHeard(access: EditorAccess, path: string, call: GateCall): Promise<Answer> {
  const { clock, timeouts } = access;
  const untilMs = clock.monotonicMs() + timeouts.importMs;
  for (;;) {
    const answer = await mutate(access, 'manage_asset', { action: 'import', path }, call);
    const isFinal = answer.kind === 'done' || answer.kind === 'refused';
    if (isFinal || clock.monotonicMs() >= untilMs) return answer;
    const waitMs = 'retryAfterMs' in answer ? answer.retryAfterMs : IMPORT_RETRY_MS;
    await clock.sleep(Math.min(IMPORT_RETRY_MS, waitMs), call.signal);
  }
}

/** `manage_asset delete`, which has no precondition of its own. Takes the `.meta` along, as Unity does. */
export async function removeAsset(
  access: EditorAccess,
  step: DeleteAssetStep,
  call: GateCall,
): Promise<Answer> {
  const { folder } = access;
  if (folder === null) return outOfReach(step.path);
  const there = folder.read(step.path);
  if (there.kind === 'refused') return there;
  const current = there.kind === 'file' ? sha256(there.bytes) : '';
  if (current !== step.beforeSha) return staleAt(current);
  // Without a `.meta` Unity has never imported it, and would refuse to delete what it does not know.
  if (readMeta(folder, step.path) === null) {
    folder.remove(step.path);
    return { kind: 'done', message: 'removed from disk', data: {} };
  }
  return mutate(access, step.tool, { action: 'delete', path: step.path }, call);
}

/** Where a model waits for Unity's importer: outside Assets, or Unity would import it where it lies. */
const STAGING = 'Library/SparkStaging';

/** Removes what an import left that was cut off. The lane is held and ghosts are gone: nobody reads it any more. */
export function sweepStaging(folder: ProjectFolder | null): void {
  folder?.removeTree(STAGING);
}

/**
 * `import_model_file`, which copies the file and would name a second copy `_1`: so the name carries the command's id, and the call is
 * made only while nothing is there. Servers without that tool, or on a machine that sees the project elsewhere, import it in place.
 */
export async function importModel(
  access: EditorAccess,
  step: ImportModelStep,
  call: GateCall,
): Promise<Answer> {
  const { folder } = access;
  if (folder === null) return outOfReach(step.path);
  const there = folder.read(step.path);
  if (there.kind === 'refused') return there;
  if (there.kind === 'file') return { kind: 'exists' };
  const slash = step.path.lastIndexOf('/');
  const file = step.path.slice(slash + 1);
  const source = folder.writeAside(`${STAGING}/${call.commandId}/${file}`, step.bytes);
  if (source.kind === 'refused') return stageFile(access, step.path, '', step.bytes, call);
  const args = {
    source_path: source.absolute,
    name: file.slice(0, file.lastIndexOf('.')),
    output_folder: step.path.slice(0, slash),
  };
  const answer = await mutate(access, step.tool, args, call);
  // A call that may still run keeps its source; the next step sweeps it away.
  if (answer.kind !== 'unknown') sweepStaging(folder);
  if (answer.kind === 'done') return imported(access, folder, step, answer, call);
  if (answer.kind !== 'refused') return answer;
  if (isOutOfItsReach(answer)) return stageFile(access, step.path, '', step.bytes, call);
  return takeBack(access, folder, step, answer, call);
}

async function imported(
  access: EditorAccess,
  folder: ProjectFolder,
  step: ImportModelStep,
  answer: Answer & { readonly kind: 'done' },
  call: GateCall,
): Promise<Answer> {
  const { asset_path: where } = answer.data;
  if (typeof where === 'string' && where !== step.path) {
    // Another call would make another copy: say where it is instead.
    const message = `Unity imported the model as "${where}" instead of "${step.path}"`;
    return { kind: 'refused', code: 'imported_elsewhere', message };
  }
  await awaitMeta(folder, step.path, access.clock, call.signal);
  return answer;
}

/** The tool is not there or switched off (servers group their tools), or Unity runs on a machine that names the folder otherwise. */
function isOutOfItsReach({ code, message }: Answer & { readonly kind: 'refused' }): boolean {
  return code === 'unknown_tool' || code === 'tool_disabled' || /^Source file not found/.test(message);
}

/** Unity copies before it imports: what it would not import is taken away again. */
async function takeBack(
  access: EditorAccess,
  folder: ProjectFolder,
  step: ImportModelStep,
  refusal: Answer,
  call: GateCall,
): Promise<Answer> {
  const left = folder.read(step.path);
  if (left.kind !== 'file' || sha256(left.bytes) !== sha256(step.bytes)) return refusal;
  const taken = await mutate(access, 'manage_asset', { action: 'delete', path: step.path }, call);
  return taken.kind === 'unknown' ? taken : refusal;
}

function staleAt(current: string): Answer {
  return { kind: 'stale', currentSha256: current === '' ? null : current };
}

function outOfReach(path: string): Answer {
  const message = `"${path}" can only be changed on the editor's disk, and the project folder is out of reach: name it in UNITY_EDITORS (editor=Name@hash:folder)`;
  return { kind: 'refused', code: 'no_project_folder', message };
}

import { assertNever, codeOf, messageOf } from '../core/errors.js';
import { sha256 } from '../core/ids.js';
import type { Answer, GateCall } from '../workers/editor.js';
import { importModel, removeAsset, stage, stageFile, stageMeta, sweepStaging } from './assetSteps.js';
import { classify } from './classify.js';
import { callTool, type EditorAccess, mutate } from './editorAccess.js';
import { awaitMeta, metaPathOf, readMeta } from './metaFile.js';
import type { ProjectFolder } from './projectFolder.js';
import { scriptUri } from './scriptUri.js';
import type { CreateStep, DeleteStep, EditStep, PlannedStep } from './steps.js';

/** Runs one step of a plan. The editor's lane is held; everything that can go wrong is an answer. */
export async function runStep(access: EditorAccess, step: PlannedStep, call: GateCall): Promise<Answer> {
  const place = access.folder?.confine(step.path);
  if (place?.kind === 'refused') return place;
  try {
    sweepStaging(access.folder);
    switch (step.kind) {
      case 'create':
        return await create(access, step, call);
      case 'edit':
        return await edit(access, step, call);
      case 'delete':
        return await remove(access, step, call);
      case 'stage':
        return await stage(access, step, call);
      case 'import_model':
        return await importModel(access, step, call);
      case 'delete_asset':
        return await removeAsset(access, step, call);
      default:
        return assertNever(step);
    }
  } catch (error) {
    call.signal.throwIfAborted();
    // The disk said no. Whole files are renamed into place, so nothing is half done, and no call followed.
    if (codeOf(error) === undefined) throw error;
    return { kind: 'not_executed', reason: `the project folder: ${messageOf(error)}`, retryAfterMs: 1_000 };
  }
}

async function create(access: EditorAccess, step: CreateStep, call: GateCall): Promise<Answer> {
  const { folder } = access;
  const args = { path: step.path, contents: step.contents };
  if (folder === null) return withoutMeta(step, await mutate(access, step.tool, args, call));
  const there = folder.read(step.path);
  if (there.kind === 'refused') return there;
  if (there.kind === 'file') return { kind: 'exists' };
  if (step.meta !== null) stageMeta(folder, step.path, step.meta);
  const answer = await mutate(access, step.tool, args, call);
  if (answer.kind === 'done') await awaitMeta(folder, step.path, access.clock, call.signal);
  // An unknown outcome keeps the `.meta`: the script may be there, or still come.
  else if (step.meta !== null && answer.kind !== 'unknown') unstageMeta(folder, step.path, step.meta);
  return answer;
}

function withoutMeta(step: CreateStep, answer: Answer): Answer {
  if (answer.kind !== 'done' || step.meta === null) return answer;
  const note = '.meta and guid not restored: the project folder is out of reach (see UNITY_EDITORS)';
  return { ...answer, message: `${answer.message} (${note})`, data: { ...answer.data, metaRestored: false } };
}

/** Takes a staged `.meta` back, unless a script has come to it or somebody has changed it. */
function unstageMeta(folder: ProjectFolder, path: string, meta: Uint8Array): void {
  if (folder.read(path).kind !== 'absent') return;
  const there = readMeta(folder, path);
  if (there !== null && Buffer.compare(there, meta) === 0) folder.remove(metaPathOf(path));
}

async function edit(access: EditorAccess, step: EditStep, call: GateCall): Promise<Answer> {
  const args = {
    uri: scriptUri(step.path),
    edits: step.edits,
    precondition_sha256: step.beforeSha,
    // "syntax": a project with Roslyn would otherwise format the result, and the bytes would be others than ours.
    options: { applyMode: 'atomic', refresh: 'debounced', validate: 'syntax' },
  };
  const answer = await mutate(access, step.tool, args, call);
  const { marked } = step;
  if (answer.kind !== 'stale' || marked === null || answer.currentSha256 !== marked.markless) return answer;
  return stageFile(access, step.path, step.beforeSha, marked.after, call);
}

async function remove(access: EditorAccess, step: DeleteStep, call: GateCall): Promise<Answer> {
  const uri = scriptUri(step.path);
  if (access.folder !== null) {
    const there = access.folder.read(step.path);
    if (there.kind === 'refused') return there;
    const current = there.kind === 'file' ? sha256(there.bytes) : null;
    if (current !== step.beforeSha) return { kind: 'stale', currentSha256: current };
  } else {
    const answer = classify(await callTool(access, 'get_sha', { uri }, call, access.timeouts.readMs));
    if (answer.kind === 'unknown') return { kind: 'not_executed', reason: answer.reason, retryAfterMs: 500 };
    if (answer.kind !== 'done') return answer;
    const { sha256: current } = answer.data;
    if (typeof current !== 'string')
      return { kind: 'not_executed', reason: 'get_sha told no sha', retryAfterMs: 500 };
    if (current !== step.beforeSha) return { kind: 'stale', currentSha256: current };
  }
  return mutate(access, step.tool, { uri }, call);
}

import type { IngestAsset } from '../../commands/ingestAsset.js';
import { LIMITS } from '../../commands/limits.js';
import type { FileChange, FileRead } from '../editor.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { assetProblem, assetTarget, decideAsset, tooLarge } from './decideAsset.js';
import type { ExecuteContext } from './executeContext.js';
import { currentOf } from './executeScript.js';
import { converge, prepare, resume } from './fileChange.js';
import { readMedia } from './readMedia.js';

/**
 * ingest_asset: fetch the bytes, judge them by themselves, look at the place, record the intent, bring the file there. From the intent on
 * its bytes lie in the image store, so it does not matter when the upload expires.
 */
export async function executeAsset(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  if (task.change) return converge(task, task.change, context, signal);
  if (task.started?.intent) return resume(task, task.started.intent, 'apply', context, signal);
  const { editor, commandId } = task.command;
  const asset = task.command.payload as IngestAsset;
  const source = await readSource(asset, editor, context, signal);
  if (source.state === 'away')
    return { kind: 'hold', reason: source.reason, retryAfterMs: source.retryAfterMs };
  if (source.state !== 'present') return noSource(asset, editor, source);
  const problem = assetProblem(asset.mime, source.bytes);
  if (problem) return failed('failed', problem);
  const path = assetTarget(asset, commandId);
  const probe = await context.gate.probe(editor, path, signal);
  if (probe.state === 'away') return { kind: 'hold', reason: probe.reason, retryAfterMs: probe.retryAfterMs };
  if (probe.state === 'refused')
    return failed('failed', { code: probe.code, message: probe.message, field: 'path' });
  const decision = decideAsset(path, source.bytes, source.sha256, currentOf(probe));
  if (decision.kind === 'failed') return decision;
  if (decision.kind === 'unchanged')
    return { kind: 'completed', result: { path, sha256: source.sha256, unchanged: true } };
  const missingFolders = probe.state === 'absent' ? (probe.missingFolders ?? []) : [];
  return apply(task, decision.change, missingFolders, context, signal);
}

function readSource(
  { source }: IngestAsset,
  editor: string,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<FileRead> {
  return 'upload' in source
    ? context.uploads.get(source.upload, LIMITS.assetBytes, signal)
    : readMedia(context, editor, source.file, LIMITS.assetBytes, signal);
}

function noSource(
  { source }: IngestAsset,
  editor: string,
  read: FileRead & { readonly state: 'absent' | 'refused' },
): Verdict {
  const name = 'upload' in source ? `the upload ${source.upload}` : source.file;
  if (read.state === 'absent') {
    const where =
      'upload' in source ? 'it was never posted, or it has expired' : `editor "${editor}" has none`;
    return failed('failed', {
      code: 'source_missing',
      message: `source: ${name} is not there (${where}): post the file to /v1/uploads and send the command again`,
      field: 'source',
    });
  }
  if (read.code === 'file_too_large') return failed('failed', tooLarge(`source: ${read.message}`));
  return failed('failed', { code: read.code, message: `source: ${read.message}`, field: 'source' });
}

async function apply(
  task: Task,
  change: FileChange,
  missingFolders: readonly string[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { editor, commandId, type } = task.command;
  const target = {
    ...{ editor, operationId: commandId, tool: type, missingFolders },
    direction: 'apply',
    createdFolders: [],
  } as const;
  const prepared = await prepare(task, target, change, context);
  return prepared.ok ? converge(task, prepared.change, context, signal) : prepared.verdict;
}

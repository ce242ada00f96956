import type { DeconstructAsset } from '../../commands/deconstructAsset.js';
import { imageSize } from '../../commands/imageSize.js';
import { LIMITS } from '../../commands/limits.js';
import { sniffMime } from '../../commands/sniffMime.js';
import type { AssetDescription } from '../assetPort.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import type { ExecuteContext } from './executeContext.js';

/** deconstruct_asset: a read, so it may simply be asked again. */
export async function executeDeconstruct(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { editor, commandId, payload } = task.command;
  const { path } = payload as DeconstructAsset;
  if (!task.started) await context.recordStarted(task, null);
  context.faultPoint('after_intent');
  task.attempts++;
  const answer = await context.gate.inspect(editor, path, {
    token: context.nextToken(task.command),
    commandId,
    attempt: task.attempts,
    signal,
  });
  context.faultPoint('after_call');
  switch (answer.kind) {
    case 'done':
      return answer.asset
        ? described(task, answer.asset, context, signal)
        : tryAgain(task, 'the editor answered without a description', context, 0);
    case 'away':
      task.attempts--;
      return { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'refused':
      return failed('failed', { code: answer.code, message: answer.message, path });
    case 'not_executed':
      return tryAgain(task, answer.reason, context, answer.retryAfterMs);
    case 'unknown':
      return tryAgain(task, answer.reason, context, 0);
    case 'stale':
    case 'exists':
      return failed('failed', {
        code: 'unexpected_answer',
        message: `a description cannot be answered with "${answer.kind}"`,
      });
  }
}

async function described(
  task: Task,
  asset: AssetDescription,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const file = asset.isFolder ? {} : await fileFacts(task.command.editor, asset.path, context, signal);
  return { kind: 'completed', result: { ...asset, ...file } };
}

/** What the file itself says, where SPARK can read it; its absence is no failure. */
async function fileFacts(
  editor: string,
  path: string,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const read = await context.gate.readFile(editor, path, LIMITS.assetBytes, signal);
  if (read.state !== 'present') return {};
  const mime = sniffMime(read.bytes);
  const size = mime === undefined ? undefined : imageSize(read.bytes, mime);
  return { sha256: read.sha256, bytes: read.bytes.byteLength, ...(mime ? { mime } : {}), ...size };
}

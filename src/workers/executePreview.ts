import type { RenderPreview } from '../commands/renderPreview.js';
import { renderPreview } from '../commands/renderPreview.js';
import { sha256 } from '../core/ids.js';
import type { RenderedImage } from './editor.js';
import type { ExecuteContext } from './executeContext.js';
import { failed, type Task, type Verdict } from './task.js';
import { tryAgain } from './tryAgain.js';

/** render_preview: a read, so it may simply be called again. The picture is stored by its content before the event that names it. */
export async function executePreview(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { command } = task;
  // Parsed again here because the payload travels as it was sent: defaults are filled in where it is used.
  const view = renderPreview.parse(command.payload);
  if (!task.started) await context.recordStarted(task, null);
  context.faultPoint('after_intent');
  task.attempts++;
  const answer = await context.gate.render(command.editor, view, {
    token: context.nextToken(command.editor),
    commandId: command.commandId,
    attempt: task.attempts,
    signal,
  });
  context.faultPoint('after_call');
  switch (answer.kind) {
    case 'done':
      return answer.image
        ? finish(task, view, answer.image, context)
        : tryAgain(task, 'the editor answered without a picture', context, 0);
    case 'away':
      task.attempts--;
      return { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'refused':
      return failed('failed', { code: answer.code, message: answer.message });
    case 'not_executed':
      return tryAgain(task, answer.reason, context, answer.retryAfterMs);
    case 'unknown':
      return tryAgain(task, answer.reason, context, 0);
    case 'stale':
    case 'exists':
      return failed('failed', {
        code: 'unexpected_answer',
        message: `a picture cannot be answered with "${answer.kind}"`,
      });
  }
}

async function finish(
  task: Task,
  view: RenderPreview,
  image: RenderedImage,
  context: ExecuteContext,
): Promise<Verdict> {
  const { command } = task;
  const frameSha256 = sha256(image.bytes);
  await context.images.put([{ sha256: frameSha256, bytes: image.bytes }]);
  const { mime, widthPx, heightPx } = image;
  context.live.frame({
    sessionId: command.sessionId,
    editor: command.editor,
    commandId: command.commandId,
    frameSha256,
    mime,
    widthPx,
    heightPx,
  });
  return {
    kind: 'completed',
    result: {
      frameRef: `/v1/frames/${frameSha256}`,
      sha256: frameSha256,
      mime,
      bytes: image.bytes.byteLength,
      widthPx,
      heightPx,
    },
    preview: {
      frameSha256,
      mime,
      bytes: image.bytes.byteLength,
      widthPx,
      heightPx,
      requestedWidthPx: view.width,
      requestedHeightPx: view.height,
      scenePath: view.scenePath ?? null,
      gameObject: view.gameObject ?? null,
      mode: view.mode,
    },
  };
}

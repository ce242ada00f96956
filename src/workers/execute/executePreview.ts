import type { RenderPreview } from '../../commands/renderPreview.js';
import { renderPreview } from '../../commands/renderPreview.js';
import { sha256 } from '../../core/ids.js';
import type { RenderedImage } from '../editor.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import type { ExecuteContext } from './executeContext.js';
import type { Picture } from './previewCache.js';

interface Rendered {
  readonly value: Verdict;
  readonly picture: Picture | undefined;
}

/**
 * render_preview: a read, so it may simply be called again. A picture that is known for the editor's present revision is the answer at
 * once and spends no call; otherwise it is rendered, and stored by its content before the event that names it.
 */
export async function executePreview(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { command } = task;
  const { editor } = command;
  // Parsed again here because the payload travels as it was sent: defaults are filled in where it is used.
  const view = renderPreview.parse(command.payload);
  const preview = await context.previews.get(
    {
      editor,
      view,
      acceptedAtMs: Date.parse(command.acceptedAt),
      revision: () => context.gate.revision(editor, view, signal),
    },
    () => render(task, view, context, signal),
  );
  if (preview.source === 'miss') return preview.rendered;
  tellFrame(task, preview.picture, context);
  return completed(view, preview.picture, true);
}

async function render(
  task: Task,
  view: RenderPreview,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Rendered> {
  const { command } = task;
  const without = (value: Verdict): Rendered => ({ value, picture: undefined });
  if (!task.started) await context.recordStarted(task, null);
  context.faultPoint('after_intent');
  task.attempts++;
  const answer = await context.gate.render(command.editor, view, {
    token: context.nextToken(command),
    commandId: command.commandId,
    attempt: task.attempts,
    signal,
  });
  context.faultPoint('after_call');
  switch (answer.kind) {
    case 'done':
      return answer.image
        ? finish(task, view, answer.image, context)
        : without(tryAgain(task, 'the editor answered without a picture', context, 0));
    case 'away':
      task.attempts--;
      return without({ kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs });
    case 'refused':
      return without(failed('failed', { code: answer.code, message: answer.message }));
    case 'not_executed':
      return without(tryAgain(task, answer.reason, context, answer.retryAfterMs));
    case 'unknown':
      return without(tryAgain(task, answer.reason, context, 0));
    case 'stale':
    case 'exists':
      return without(
        failed('failed', {
          code: 'unexpected_answer',
          message: `a picture cannot be answered with "${answer.kind}"`,
        }),
      );
  }
}

async function finish(
  task: Task,
  view: RenderPreview,
  image: RenderedImage,
  context: ExecuteContext,
): Promise<Rendered> {
  const { mime, widthPx, heightPx } = image;
  const frameSha256 = sha256(image.bytes);
  await context.images.put([{ sha256: frameSha256, bytes: image.bytes }]);
  const picture: Picture = { frameSha256, mime, bytes: image.bytes.byteLength, widthPx, heightPx };
  tellFrame(task, picture, context);
  return { value: completed(view, picture, false), picture };
}

function tellFrame({ command }: Task, picture: Picture, { live }: ExecuteContext): void {
  const { sessionId, editor, commandId } = command;
  const { frameSha256, mime, widthPx, heightPx } = picture;
  live.frame({ sessionId, editor, commandId, frameSha256, mime, widthPx, heightPx });
}

function completed(view: RenderPreview, picture: Picture, cached: boolean): Verdict {
  const { frameSha256, mime, bytes, widthPx, heightPx } = picture;
  return {
    kind: 'completed',
    result: {
      frameRef: `/v1/frames/${frameSha256}`,
      ...{ sha256: frameSha256, mime, bytes, widthPx, heightPx, cached },
    },
    preview: {
      ...{ frameSha256, mime, bytes, widthPx, heightPx, cached },
      requestedWidthPx: view.width,
      requestedHeightPx: view.height,
      scenePath: view.scenePath ?? null,
      gameObject: view.gameObject ?? null,
      mode: view.mode,
    },
  };
}

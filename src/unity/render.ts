import type { Answer, GateCall, RenderedImage, View } from '../workers/editor.js';
import { classify } from './classify.js';
import { isRecord } from './cleanText.js';
import { callTool, type EditorAccess } from './editorAccess.js';
import { readImageHeader } from './imageHeader.js';
import { toolAnswerOf } from './toolAnswer.js';

/** Unity renders at most this much on the longer edge in one call; a larger wish is met with this and reported as such. */
export const MAX_RESOLUTION_PX = 2_048;
const MAX_IMAGE_PX = 4_096 * 4_096;
const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

export type Rendering = Answer & { readonly image?: RenderedImage };

/**
 * Takes a picture of the active scene, of `view.scenePath` after loading it when it is another. The image is what Unity sent:
 * type and size are read from its own bytes, nothing is scaled or converted here.
 */
export async function renderView(access: EditorAccess, view: View, call: GateCall): Promise<Rendering> {
  if (view.scenePath !== undefined) {
    const problem = await showScene(access, view.scenePath, call);
    if (problem !== null) return problem;
  }
  const args: Record<string, unknown> = {
    action: 'screenshot',
    include_image: true,
    max_resolution: Math.min(MAX_RESOLUTION_PX, Math.max(view.width, view.height)),
  };
  if (view.gameObject !== undefined) args['view_target'] = view.gameObject;
  const reply = await callTool(access, 'manage_camera', args, call, access.timeouts.renderMs);
  const answer = classify(reply);
  if (answer.kind !== 'done' || reply.kind !== 'result') return answer;
  const { image, body } = toolAnswerOf(reply.result);
  const { imageBase64 } = isRecord(body?.['data']) ? body['data'] : {};
  const base64 = image?.base64 ?? (typeof imageBase64 === 'string' ? imageBase64 : null);
  return base64 === null ? noImage('Unity answered without a picture') : withImage(answer, base64);
}

/** Null: the scene is the active one. Unity refuses to leave a scene with unsaved changes, and so do we then. */
async function showScene(access: EditorAccess, scenePath: string, call: GateCall): Promise<Answer | null> {
  const { readMs, renderMs } = access.timeouts;
  const active = classify(await callTool(access, 'manage_scene', { action: 'get_active' }, call, readMs));
  if (active.kind !== 'done') return active;
  if (active.data['path'] === scenePath) return null;
  access.changed('scene');
  try {
    const load = { action: 'load', path: scenePath };
    const loaded = classify(await callTool(access, 'manage_scene', load, call, renderMs));
    return loaded.kind === 'done' ? null : loaded;
  } finally {
    access.changed('scene');
  }
}

function withImage(answer: Answer & { readonly kind: 'done' }, base64: string): Rendering {
  if (base64.length > (MAX_IMAGE_BYTES / 3) * 4 + 4) return tooLarge(`more than ${MAX_IMAGE_BYTES} bytes`);
  const bytes = Buffer.from(base64, 'base64');
  const header = readImageHeader(bytes);
  if (header === null) return noImage('what Unity sent is neither PNG nor JPEG');
  const { mime, widthPx, heightPx } = header;
  if (widthPx * heightPx > MAX_IMAGE_PX) return tooLarge(`${widthPx} × ${heightPx} px`);
  return { ...answer, data: withoutImage(answer.data), image: { bytes, mime, widthPx, heightPx } };
}

/** A read: it may simply be tried again. */
function noImage(reason: string): Answer {
  return { kind: 'not_executed', reason, retryAfterMs: 500 };
}

function tooLarge(what: string): Answer {
  return { kind: 'refused', code: 'image_too_large', message: `Unity sent a picture of ${what}` };
}

function withoutImage(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([key]) => key !== 'imageBase64'));
}

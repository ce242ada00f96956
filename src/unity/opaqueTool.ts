import type { Answer, GateCall } from '../workers/editor.js';
import { classify } from './classify.js';
import { cleanData, cleanText } from './cleanText.js';
import { callTool, type EditorAccess } from './editorAccess.js';
import { toolAnswerOf } from './toolAnswer.js';

/** Tools that change where later calls go: that is the gate's business alone. */
const ROUTING_TOOLS = new Set(['set_active_instance']);
const MAX_DEPTH = 32;

/**
 * Calls whatever tool the caller names, once. It goes to this editor and no other: arguments that name another instance, at any
 * depth (a batch has commands of its own), are refused before anything is sent.
 */
export async function callOpaqueTool(
  access: EditorAccess,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  call: GateCall,
): Promise<Answer> {
  const stray = strayInstance(args, access.client.instance);
  if (ROUTING_TOOLS.has(tool) || stray !== null)
    return {
      kind: 'refused',
      code: 'routing',
      message:
        stray === null
          ? `"${tool}" may not be called: SPARK chooses the editor by the command's "editor"`
          : `the arguments name the Unity instance "${cleanText(stray, 100)}": leave unity_instance out, the command's "editor" decides`,
    };
  const reply = await callTool(access, tool, args, call, access.timeouts.mutationMs);
  const answer = classify(reply);
  if (answer.kind !== 'unknown' || reply.kind !== 'result') return answer;
  const { isError, body, text } = toolAnswerOf(reply.result);
  // A custom tool need not speak of success: it ran and answered, and that is all there is to know.
  if (isError || typeof body?.['success'] === 'boolean' || (body === null && text === '')) return answer;
  return { kind: 'done', message: cleanText(text, 1_000), data: cleanData(body) };
}

/** The first `unity_instance` that is not `own`; null when there is none. */
export function strayInstance(value: unknown, own: string, depth = 0): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (depth > MAX_DEPTH) return 'nested too deep';
  for (const [key, member] of Object.entries(value)) {
    if (key === 'unity_instance' && !Array.isArray(value) && member !== own) return String(member);
    const inside = strayInstance(member, own, depth + 1);
    if (inside !== null) return inside;
  }
  return null;
}

import type { z } from 'zod';
import { applyPatch } from './applyPatch.js';
import { deleteScript } from './deleteScript.js';
import { generateScript } from './generateScript.js';
import { renderPreview } from './renderPreview.js';
import { sessionUndo } from './sessionUndo.js';

/** How a command touches the editor: what may be retried, and how a lost answer is reconciled (unity-mcp.md, "Effects"). */
export type EffectClass = 'file_change' | 'read' | 'compensation';

/** What a token's owner may do (reliability.md, "Security"). */
export type Scope = 'script:write' | 'read' | 'undo';

export interface CommandDefinition {
  readonly type: string;
  /** Prefix of its events: `generate_unity_script` → `generate_unity_script.started`. */
  readonly eventName: string;
  /** `spark_function_calls.name`. */
  readonly callName: string;
  /** Live subjects are `spark.{liveFamily}.{suffix}.{sessionId}`. */
  readonly liveFamily: 'runtime.unity' | 'preview.unity' | 'runtime.session';
  readonly effect: EffectClass;
  readonly scope: Scope;
  readonly schema: z.ZodType;
  readonly summary: string;
}

const define = (definition: CommandDefinition): CommandDefinition => definition;

/** Every command SPARK takes, one row each (product.md sections 1 and 2). */
export const CATALOGUE = {
  'unity.generate_script': define({
    type: 'unity.generate_script',
    eventName: 'generate_unity_script',
    callName: 'generate_unity_script',
    liveFamily: 'runtime.unity',
    effect: 'file_change',
    scope: 'script:write',
    schema: generateScript,
    summary: 'Write one C# script',
  }),
  'unity.apply_patch': define({
    type: 'unity.apply_patch',
    eventName: 'apply_unity_patch',
    callName: 'apply_unity_patch',
    liveFamily: 'runtime.unity',
    effect: 'file_change',
    scope: 'script:write',
    schema: applyPatch,
    summary: 'Change one script by a unified diff or by edits',
  }),
  'unity.delete_script': define({
    type: 'unity.delete_script',
    eventName: 'delete_unity_script',
    callName: 'delete_unity_script',
    liveFamily: 'runtime.unity',
    effect: 'file_change',
    scope: 'script:write',
    schema: deleteScript,
    summary: 'Remove one script and its .meta',
  }),
  'unity.render_preview': define({
    type: 'unity.render_preview',
    eventName: 'preview',
    callName: 'render_unity_preview',
    liveFamily: 'preview.unity',
    effect: 'read',
    scope: 'read',
    schema: renderPreview,
    summary: 'Take a picture of the scene',
  }),
  'session.undo': define({
    type: 'session.undo',
    eventName: 'undo',
    callName: 'undo',
    liveFamily: 'runtime.session',
    effect: 'compensation',
    scope: 'undo',
    schema: sessionUndo,
    summary: "Undo the session's newest operation, or the named one",
  }),
  'session.redo': define({
    type: 'session.redo',
    eventName: 'redo',
    callName: 'redo',
    liveFamily: 'runtime.session',
    effect: 'compensation',
    scope: 'undo',
    schema: sessionUndo,
    summary: 'Redo the operation that was undone last, or the named one',
  }),
} as const satisfies Record<string, CommandDefinition>;

export type CommandType = keyof typeof CATALOGUE;

/** The definition of a command type, or undefined for one SPARK does not know. */
export function definitionOf(type: string): CommandDefinition | undefined {
  return Object.hasOwn(CATALOGUE, type) ? CATALOGUE[type as CommandType] : undefined;
}

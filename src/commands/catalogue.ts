import type { z } from 'zod';
import { applyPatch } from './applyPatch.js';
import { asrTranscribe } from './asrTranscribe.js';
import { callTool } from './callTool.js';
import { cvClassify, cvOcr, cvOcv } from './cv.js';
import { deconstructAsset } from './deconstructAsset.js';
import { deleteScript } from './deleteScript.js';
import { generateScript } from './generateScript.js';
import { getBuildStatus } from './getBuildStatus.js';
import { ingestAsset } from './ingestAsset.js';
import { presetApply } from './presetApply.js';
import { renderPreview } from './renderPreview.js';
import { runBuild } from './runBuild.js';
import { sessionImport } from './sessionImport.js';
import { sessionRollback } from './sessionRollback.js';
import { sessionUndo } from './sessionUndo.js';
import { usageReport } from './usageReport.js';

/** How a command takes effect: what may be retried, and how a lost answer is reconciled (unity-mcp.md, "Effects"). */
export type EffectClass =
  /** One script: compare-and-set, create-if-absent or delete, decided by a probe. */
  | 'file_change'
  /** One asset: create-if-absent from bytes, decided by a probe. */
  | 'asset'
  /** Looks at the editor; may simply be asked again. */
  | 'preview'
  | 'inspect'
  /** Undo, redo, rollback. */
  | 'compensation'
  /** Many files as one unit. */
  | 'composite'
  /** Started once, then watched. */
  | 'job'
  /** Answered from what SPARK knows of its jobs. */
  | 'job_status'
  /** At most once, never repeated. */
  | 'opaque'
  /** Asks a service beside the editor. */
  | 'service'
  /** Only recorded: nothing outside the log changes. */
  | 'record';

/**
 * How it shares its editor's lane. `exclusive`: one at a time. `beside`: it does not need the editor, so only its own session waits
 * for it and the lane goes on.
 */
export type LaneUse = 'exclusive' | 'beside';

/** What a token's owner may do (reliability.md, "Security"). */
export const SCOPES = ['read', 'script:write', 'asset:write', 'build', 'undo', 'exec'] as const;
export type Scope = (typeof SCOPES)[number];

export interface CommandDefinition {
  readonly type: string;
  /** Prefix of its events: `generate_unity_script` → `generate_unity_script.started`. */
  readonly eventName: string;
  /** `spark_function_calls.name`. */
  readonly callName: string;
  /** Live subjects are `spark.{liveFamily}.{suffix}.{sessionId}`. */
  readonly liveFamily:
    | 'runtime.unity'
    | 'preview.unity'
    | 'build.unity'
    | 'runtime.cv'
    | 'runtime.asr'
    | 'runtime.session';
  readonly effect: EffectClass;
  readonly lane: LaneUse;
  /** What a token must have to ask for it: all of them. */
  readonly scopes: readonly Scope[];
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
    lane: 'exclusive',
    scopes: ['script:write'],
    schema: generateScript,
    summary: 'Write one C# script',
  }),
  'unity.apply_patch': define({
    type: 'unity.apply_patch',
    eventName: 'apply_unity_patch',
    callName: 'apply_unity_patch',
    liveFamily: 'runtime.unity',
    effect: 'file_change',
    lane: 'exclusive',
    scopes: ['script:write'],
    schema: applyPatch,
    summary: 'Change one script by a unified diff or by edits',
  }),
  'unity.delete_script': define({
    type: 'unity.delete_script',
    eventName: 'delete_unity_script',
    callName: 'delete_unity_script',
    liveFamily: 'runtime.unity',
    effect: 'file_change',
    lane: 'exclusive',
    scopes: ['script:write'],
    schema: deleteScript,
    summary: 'Remove one script and its .meta',
  }),
  'unity.render_preview': define({
    type: 'unity.render_preview',
    eventName: 'preview',
    callName: 'render_unity_preview',
    liveFamily: 'preview.unity',
    effect: 'preview',
    lane: 'exclusive',
    scopes: ['read'],
    schema: renderPreview,
    summary: 'Take a picture of the scene',
  }),
  'unity.ingest_asset': define({
    type: 'unity.ingest_asset',
    eventName: 'ingest_unity_asset',
    callName: 'ingest_unity_asset',
    liveFamily: 'runtime.unity',
    effect: 'asset',
    lane: 'exclusive',
    scopes: ['asset:write'],
    schema: ingestAsset,
    summary: 'Put an uploaded file into the project',
  }),
  'unity.deconstruct_asset': define({
    type: 'unity.deconstruct_asset',
    eventName: 'deconstruct_unity_asset',
    callName: 'deconstruct_unity_asset',
    liveFamily: 'runtime.unity',
    effect: 'inspect',
    lane: 'exclusive',
    scopes: ['read'],
    schema: deconstructAsset,
    summary: 'Tell what an asset is made of',
  }),
  'unity.run_build': define({
    type: 'unity.run_build',
    eventName: 'build',
    callName: 'run_unity_build',
    liveFamily: 'build.unity',
    effect: 'job',
    lane: 'exclusive',
    scopes: ['build'],
    schema: runBuild,
    summary: 'Build a player, watched to its end',
  }),
  'unity.get_build_status': define({
    type: 'unity.get_build_status',
    eventName: 'get_unity_build_status',
    callName: 'get_unity_build_status',
    liveFamily: 'runtime.unity',
    effect: 'job_status',
    lane: 'beside',
    scopes: ['read'],
    schema: getBuildStatus,
    summary: 'How far a build is',
  }),
  'unity.call_tool': define({
    type: 'unity.call_tool',
    eventName: 'call_unity_tool',
    callName: 'call_unity_tool',
    liveFamily: 'runtime.unity',
    effect: 'opaque',
    lane: 'exclusive',
    scopes: ['exec'],
    schema: callTool,
    summary: 'Call any Unity MCP tool once, at most',
  }),
  'cv.ocr': define({
    type: 'cv.ocr',
    eventName: 'cv_ocr',
    callName: 'cv_ocr',
    liveFamily: 'runtime.cv',
    effect: 'service',
    lane: 'beside',
    scopes: ['read'],
    schema: cvOcr,
    summary: 'Read the text of a picture',
  }),
  'cv.ocv': define({
    type: 'cv.ocv',
    eventName: 'cv_ocv',
    callName: 'cv_ocv',
    liveFamily: 'runtime.cv',
    effect: 'service',
    lane: 'beside',
    scopes: ['read'],
    schema: cvOcv,
    summary: 'Check that a picture shows a text',
  }),
  'cv.classify': define({
    type: 'cv.classify',
    eventName: 'cv_classify',
    callName: 'cv_classify',
    liveFamily: 'runtime.cv',
    effect: 'service',
    lane: 'beside',
    scopes: ['read'],
    schema: cvClassify,
    summary: 'Say which label fits a picture',
  }),
  'asr.transcribe': define({
    type: 'asr.transcribe',
    eventName: 'asr_transcribe',
    callName: 'asr_transcribe',
    liveFamily: 'runtime.asr',
    effect: 'service',
    lane: 'beside',
    scopes: ['read'],
    schema: asrTranscribe,
    summary: 'Write down what a recording says',
  }),
  'session.undo': define({
    type: 'session.undo',
    eventName: 'undo',
    callName: 'undo',
    liveFamily: 'runtime.session',
    effect: 'compensation',
    lane: 'exclusive',
    scopes: ['undo'],
    schema: sessionUndo,
    summary: "Undo the session's newest operation, or the named one",
  }),
  'session.redo': define({
    type: 'session.redo',
    eventName: 'redo',
    callName: 'redo',
    liveFamily: 'runtime.session',
    effect: 'compensation',
    lane: 'exclusive',
    scopes: ['undo'],
    schema: sessionUndo,
    summary: 'Redo the operation that was undone last, or the named one',
  }),
  'session.rollback': define({
    type: 'session.rollback',
    eventName: 'rollback',
    callName: 'rollback',
    liveFamily: 'runtime.session',
    effect: 'compensation',
    lane: 'exclusive',
    scopes: ['undo'],
    schema: sessionRollback,
    summary: 'Undo everything after an operation or a moment, all or nothing',
  }),
  'session.import': define({
    type: 'session.import',
    eventName: 'import',
    callName: 'import',
    liveFamily: 'runtime.session',
    effect: 'record',
    lane: 'beside',
    // What it takes in, a redo writes: whatever the operations hold.
    scopes: ['undo', 'script:write', 'asset:write'],
    schema: sessionImport,
    summary: 'Take operations exported elsewhere into the undo log',
  }),
  'preset.apply': define({
    type: 'preset.apply',
    eventName: 'preset_apply',
    callName: 'preset_apply',
    liveFamily: 'runtime.session',
    effect: 'composite',
    lane: 'exclusive',
    scopes: ['script:write', 'asset:write'],
    schema: presetApply,
    summary: 'Write a whole small game, as one unit',
  }),
  'usage.report': define({
    type: 'usage.report',
    eventName: 'usage_report',
    callName: 'usage_report',
    liveFamily: 'runtime.session',
    effect: 'record',
    lane: 'beside',
    scopes: ['read'],
    schema: usageReport,
    summary: "Tell what an agent's model calls used",
  }),
} as const satisfies Record<string, CommandDefinition>;

export type CommandType = keyof typeof CATALOGUE;

/** The definition of a command type, or undefined for one SPARK does not know. */
export function definitionOf(type: string): CommandDefinition | undefined {
  return Object.hasOwn(CATALOGUE, type) ? CATALOGUE[type as CommandType] : undefined;
}

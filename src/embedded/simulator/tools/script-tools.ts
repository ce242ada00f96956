/** The script tools as the server advertises them, and `manage_script` as the editor itself takes it in a batch. */
import { posix } from 'node:path';
import * as z from 'zod';
import { type Answer, failed } from '../answers.js';
import { resolveScriptPath, resolveScriptUri, scriptNamed } from '../project-paths.js';
import { asBoolean, defineTool, type Tool, type ToolContext } from '../tool.js';
import { editScript } from './edit-script.js';
import {
  createScript,
  deleteScript,
  readScript,
  type Script,
  shaOfScript,
  updateScript,
  validateScript,
} from './scripts.js';

const uri = z.string();
const edits = z.array(z.record(z.string(), z.unknown()));
const editOptions = z.record(z.string(), z.unknown()).nullish();

function onUri(context: ToolContext, text: string, act: (script: Script) => Answer): Answer {
  const resolved = resolveScriptUri(context.editor.root, text);
  return resolved.ok ? act(resolved) : resolved.answer;
}

function isImmediate(options: Record<string, unknown> | null | undefined): boolean {
  return options?.['refresh'] === 'immediate' || options?.['refresh'] === 'sync';
}

const createScriptTool = defineTool({
  name: 'create_script',
  description: 'Create a new C# script at the given project path.',
  mutatesScripts: true,
  shape: {
    path: z.string(),
    contents: z.string(),
    script_type: z.string().nullish(),
    namespace: z.string().nullish(),
  },
  run(context, args) {
    const script = resolveScriptPath(context.editor.root, args.path);
    return script.ok ? createScript(context, script, args.contents) : script.answer;
  },
});

const deleteScriptTool = defineTool({
  name: 'delete_script',
  description: 'Delete a C# script by URI or Assets-relative path.',
  mutatesScripts: true,
  shape: { uri },
  run: (context, args) => onUri(context, args.uri, (script) => deleteScript(context, script)),
});

const getShaTool = defineTool({
  name: 'get_sha',
  description: 'Get SHA256 and length of a C# script without its contents.',
  readOnly: true,
  shape: { uri },
  run: (context, args) => onUri(context, args.uri, shaOfScript),
});

const validateScriptTool = defineTool({
  name: 'validate_script',
  description: 'Validate a C# script and return diagnostics.',
  readOnly: true,
  shape: {
    uri,
    level: z.enum(['basic', 'standard']).default('basic'),
    include_diagnostics: z.boolean().default(false),
  },
  run: (context, args) =>
    onUri(context, args.uri, (script) => validateScript(script, args.include_diagnostics)),
});

const applyTextEditsTool = defineTool({
  name: 'apply_text_edits',
  description: 'Apply small text edits (1-based lines and columns) to a C# script identified by URI.',
  mutatesScripts: true,
  shape: {
    uri,
    edits,
    precondition_sha256: z.string().nullish(),
    strict: z.boolean().nullish(),
    options: editOptions,
  },
  run: (context, args) =>
    onUri(context, args.uri, (script) =>
      editScript(context, script, {
        edits: args.edits,
        precondition: args.precondition_sha256 ?? undefined,
        immediate: isImmediate(args.options),
      }),
    ),
});

const manageScriptTool = defineTool({
  name: 'manage_script',
  description: 'Compatibility router for script operations: create, read, delete.',
  mutatesScripts: true,
  shape: {
    action: z.enum(['create', 'read', 'delete']),
    name: z.string(),
    path: z.string(),
    contents: z.string().nullish(),
    script_type: z.string().nullish(),
    namespace: z.string().nullish(),
  },
  run: (context, args) => manageScript(context, args),
});

interface ManageScript {
  readonly action: 'create' | 'read' | 'delete' | 'update' | 'get_sha' | 'validate' | 'apply_text_edits';
  readonly name: string;
  readonly path: string;
  readonly contents?: string | null | undefined;
  readonly edits?: readonly Record<string, unknown>[] | undefined;
  readonly precondition_sha256?: string | null | undefined;
  readonly options?: Record<string, unknown> | null | undefined;
}

function manageScript(context: ToolContext, args: ManageScript): Answer {
  const script = scriptNamed(context.editor.root, args.path, args.name);
  if (!script.ok) return script.answer;
  switch (args.action) {
    case 'create':
      return createScript(context, script, args.contents ?? '');
    case 'read':
      return readScript(script);
    case 'delete':
      return deleteScript(context, script);
    case 'update':
      return updateScript(context, script, args.contents ?? '');
    case 'get_sha':
      return shaOfScript(script);
    case 'validate':
      return validateScript(script, true);
    case 'apply_text_edits':
      return editScript(context, script, {
        edits: args.edits ?? [],
        precondition: args.precondition_sha256 ?? undefined,
        immediate: isImmediate(args.options),
      });
  }
}

/** `manage_script` behind the server: more actions, and contents that may come as base64. */
export const editorManageScript: Tool = defineTool({
  name: 'manage_script',
  description: 'The editor side of the script tools.',
  mutatesScripts: true,
  shape: {
    action: z.enum(['create', 'read', 'delete', 'update', 'get_sha', 'validate', 'apply_text_edits']),
    name: z.string(),
    path: z.string().default('Scripts'),
    contents: z.string().nullish(),
    contentsEncoded: z.boolean().nullish(),
    encodedContents: z.string().nullish(),
    edits: edits.optional(),
    precondition_sha256: z.string().nullish(),
    options: editOptions,
    level: z.string().nullish(),
    scriptType: z.string().nullish(),
    script_type: z.string().nullish(),
    namespace: z.string().nullish(),
  },
  run(context, args) {
    const encoded = asBoolean(args.contentsEncoded, false) ? args.encodedContents : undefined;
    const contents = encoded === null || encoded === undefined ? args.contents : decodeBase64(encoded);
    if (contents instanceof Error) return failed(`Failed to decode script contents: ${contents.message}`);
    return manageScript(context, { ...args, name: posix.basename(args.name, '.cs'), contents });
  },
});

function decodeBase64(text: string): string | Error {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return new Error('not base64');
  return Buffer.from(text, 'base64').toString('utf8');
}

export const scriptTools: readonly Tool[] = [
  createScriptTool,
  deleteScriptTool,
  getShaTool,
  validateScriptTool,
  applyTextEditsTool,
  manageScriptTool,
];

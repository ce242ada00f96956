import { z } from 'zod';
import { TOKEN_PATTERN } from '../core/ids.js';
import type { PlannedStep } from '../unity/steps.js';

/**
 * What may come into the gate from outside its process. Where a path may lead is judged where it is used (realpath of the project
 * folder), as for calls from within.
 */
const MAX_PATHS = 512;
const MAX_EDITS = 4_096;
const MAX_TEXT_CHARS = 16 * 1024 * 1024;
const MAX_PARTITIONS = 1_024;

export const editor = z.string().regex(TOKEN_PATTERN);
export const path = z.string().min(1).max(1_024);
const line = z.string().min(1).max(1_024);
const sha = z.string().regex(/^(?:[0-9a-f]{64})?$/);
const count = z.number().int().min(0);
const bytes = z.instanceof(Uint8Array<ArrayBufferLike>);
const contents = z.string().max(MAX_TEXT_CHARS);

export const token = z.strictObject({
  epoch: count,
  call: count,
  partition: z.exactOptional(count.max(MAX_PARTITIONS - 1)),
});

export const call = z.strictObject({ token, commandId: z.string().min(1).max(200), attempt: count });

const position = z.number().int().min(1);
const edit = z.strictObject({
  startLine: position,
  startCol: position,
  endLine: position,
  endCol: position,
  newText: contents,
});

/** Steps as src/unity/steps.ts has them, member for member. */
export const step: z.ZodType<PlannedStep> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('create'),
    tool: z.literal('create_script'),
    path,
    contents,
    meta: bytes.nullable(),
  }),
  z.strictObject({ kind: z.literal('delete'), tool: z.literal('delete_script'), path, beforeSha: sha }),
  z.strictObject({
    kind: z.literal('edit'),
    tool: z.literal('apply_text_edits'),
    path,
    beforeSha: sha,
    edits: z.array(edit).max(MAX_EDITS),
    marked: z.strictObject({ markless: sha, after: bytes }).nullable(),
  }),
  z.strictObject({
    kind: z.literal('stage'),
    takesNotice: z.literal(true),
    tool: z.literal('manage_asset'),
    path,
    beforeSha: sha,
    bytes,
    meta: bytes.nullable(),
    metaBefore: z.exactOptional(bytes.nullable()),
  }),
  z.strictObject({ kind: z.literal('import_model'), tool: z.literal('import_model_file'), path, bytes }),
  z.strictObject({ kind: z.literal('delete_asset'), tool: z.literal('manage_asset'), path, beforeSha: sha }),
]);

export const folders = z.array(z.object({ path, meta: bytes.nullable() })).max(MAX_PATHS);
export const createdFolders = z.array(z.object({ path, metaSha256: sha.nullable() })).max(MAX_PATHS);
export const paths = z.array(path).max(MAX_PATHS);
export const tokens = z.array(token).max(MAX_PARTITIONS);

export const view = z.object({
  scenePath: path.optional(),
  gameObject: z.string().max(4_096).optional(),
  width: count.max(65_536),
  height: count.max(65_536),
  format: z.enum(['png', 'jpg']),
  mode: z.enum(['fast', 'quality']),
});

export const build = z.object({ outputPath: path, target: line });
export const order = z.object({
  ...build.shape,
  scenes: z.array(path).max(MAX_PATHS).optional(),
  options: z.array(line).max(MAX_PATHS).optional(),
  development: z.boolean().optional(),
});
export const jobId = line;

/** JSON as it came: no bytes among it. */
export const toolArguments = z.record(z.string(), z.json());
export const tool = z.string().min(1).max(128);

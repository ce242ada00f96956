import { z } from 'zod';
import type { BuildStatus } from '../workers/buildPort.js';
import type { Answer, FileRead, FolderContent, Probe, Readiness } from '../workers/editor.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';

/** What the gate may answer: a gate of another build, or something else at its address, is found out here. */
const text = z.string();
const bytes = z.instanceof(Uint8Array<ArrayBufferLike>);
const number = z.number();
const away = { reason: text, retryAfterMs: number };
const refused = { code: text, message: text };

const done = { message: text, data: z.record(z.string(), z.unknown()) };
const others = [
  z.object({ kind: z.literal('away'), ...away }),
  z.object({ kind: z.literal('not_executed'), ...away }),
  z.object({ kind: z.literal('unknown'), reason: text, mayStillRun: z.boolean() }),
  z.object({ kind: z.literal('stale'), currentSha256: text.nullable() }),
  z.object({ kind: z.literal('exists') }),
  z.object({ kind: z.literal('refused'), ...refused }),
] as const;

export const answer: z.ZodType<Answer> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), ...done }),
  ...others,
]);

const image = z.object({ bytes, mime: text, widthPx: number, heightPx: number });
export const rendering = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), ...done, image: z.exactOptional(image) }),
  ...others,
]);

const prefab = z.object({
  kind: text,
  parent: text.nullable(),
  totalObjects: number,
  objects: z.array(
    z.object({ path: text, active: z.boolean(), components: z.array(text), children: number }),
  ),
});
const asset = z.object({
  path: text,
  guid: text.nullable(),
  assetType: text,
  name: text,
  isFolder: z.boolean(),
  components: z.exactOptional(z.array(text)),
  prefab: z.exactOptional(prefab),
});
export const inspection = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), ...done, asset: z.exactOptional(asset) }),
  ...others,
]);

export const readiness: z.ZodType<Readiness> = z.discriminatedUnion('state', [
  z.object({ state: z.literal('ready') }),
  z.object({ state: z.literal('away'), ...away }),
]);

export const probe: z.ZodType<Probe> = z.discriminatedUnion('state', [
  z.object({ state: z.literal('absent'), missingFolders: z.exactOptional(z.array(text)) }),
  z.object({
    state: z.literal('present'),
    content: z.object({ bytes, meta: bytes.nullable() }),
    sha256: text,
    guid: text.nullable(),
  }),
  z.object({ state: z.literal('refused'), ...refused }),
  z.object({ state: z.literal('away'), ...away }),
]);

export const fileRead: z.ZodType<FileRead> = z.discriminatedUnion('state', [
  z.object({ state: z.literal('present'), bytes, sha256: text }),
  z.object({ state: z.literal('absent') }),
  z.object({ state: z.literal('refused'), ...refused }),
  z.object({ state: z.literal('away'), ...away }),
]);

export const folderContents: z.ZodType<FolderContent[]> = z.array(
  z.object({ path: text, meta: bytes.nullable() }),
);

const editorBuild = z.object({
  jobId: text.nullable(),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  outputPath: text.nullable(),
  platform: text.nullable(),
  totalBytes: number.nullable(),
  durationMs: number.nullable(),
  warnings: number.nullable(),
  error: text.nullable(),
  percent: number.nullable(),
  pollMs: number.nullable(),
});
const silent = z.object({ kind: z.literal('silent'), reason: text });

export const buildStatus: z.ZodType<BuildStatus> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('build'), build: editorBuild }),
  z.object({ kind: z.literal('none') }),
  silent,
]);
export const buildTraces = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('traces'),
    succeeded: z.boolean(),
    lastLine: text.nullable(),
    outputBytes: number.nullable(),
  }),
  silent,
]);

export const revision = text.nullable();

export const survey: z.ZodType<SurveyedEditor[]> = z.array(
  z
    .object({
      editor: text,
      source: z.enum(['configuration', 'registry', 'connection']),
      instance: text.nullable(),
      connected: z.boolean().optional(),
      reason: text.nullable(),
    })
    .transform((one) => ({ ...one, connected: one.connected })),
);

export const failure = z.object({
  code: text,
  message: text,
  spent: z.exactOptional(z.boolean()),
  bound: z.exactOptional(z.object({ epoch: number, call: number })),
});

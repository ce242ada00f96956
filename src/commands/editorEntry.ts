import { z } from 'zod';
import { TOKEN_PATTERN } from '../core/ids.js';

/** Who holds an editor's lane, since when (ISO 8601) and why. */
export interface EditorPause {
  readonly by: string;
  readonly at: string;
  readonly reason: string | null;
}

/**
 * What is kept of an editor, under its name. `registered: false`: nobody registered it (configuration or its connection names it), and
 * it is only paused.
 */
export interface EditorEntry {
  readonly editor: string;
  readonly registered: boolean;
  /** `Name@hash`; null: the one connected project of that name. */
  readonly instance: string | null;
  /** Absolute, on the worker's machine. Only ever with an instance: a folder on its own could be another project's. */
  readonly projectFolder: string | null;
  /** Null: `UNITY_MCP_URL`. */
  readonly mcpUrl: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly paused: EditorPause | null;
  readonly registeredAt: string;
  readonly updatedAt: string;
}

const MAX_LABELS = 32;
const MAX_LABEL_CHARS = 200;
/** The registry lies in one bucket and in every process's memory. */
export const MAX_EDITORS = 10_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not get in
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !CONTROLS.test(text), 'must be plain text without control characters');

/** `POST /v1/editors`. What is left out is taken back to its default: the body is the whole registration. */
export const editorRegistration = z
  .strictObject({
    editor: z.string().regex(TOKEN_PATTERN, 'must be 1 to 64 of A-Z a-z 0-9 _ -'),
    instance: line(300)
      .regex(/^.+@[A-Za-z0-9]+$/, 'must be Name@hash, as the MCP server lists it')
      .optional(),
    projectFolder: line(1_000)
      .refine(isPlainAbsolute, 'must be an absolute path without "." or ".." in it')
      .optional()
      .describe("The folder that holds Assets, on the worker's machine"),
    mcpUrl: z
      .url({ protocol: /^https?$/ })
      .max(500)
      .optional()
      .describe('One of the configured MCP servers'),
    labels: z
      .record(z.string().regex(TOKEN_PATTERN, 'must be 1 to 64 of A-Z a-z 0-9 _ -'), line(MAX_LABEL_CHARS))
      .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`)
      .optional(),
  })
  .refine(({ instance, projectFolder }) => projectFolder === undefined || instance !== undefined, {
    path: ['projectFolder'],
    message: 'name the instance too: a folder without one could be the project of another editor',
  });
export type EditorRegistration = z.infer<typeof editorRegistration>;

/** `POST /v1/editors/{id}/pause`. */
export const pauseRequest = z.strictObject({ reason: line(500).optional() });

function isPlainAbsolute(path: string): boolean {
  const parts = path.split('/');
  return path.startsWith('/') && !parts.includes('.') && !parts.includes('..');
}

/** What is stored after a registration. Who registers the same again changes nothing, not even the time. */
export function registeredEntry(
  before: EditorEntry | undefined,
  wanted: EditorRegistration,
  now: string,
): EditorEntry {
  const { editor, instance = null, projectFolder = null, mcpUrl = null, labels = {} } = wanted;
  const entry: EditorEntry = {
    ...{ editor, registered: true, instance, projectFolder, mcpUrl, labels },
    paused: before?.paused ?? null,
    registeredAt: before?.registered ? before.registeredAt : now,
    updatedAt: now,
  };
  return before && JSON.stringify({ ...entry, updatedAt: before.updatedAt }) === JSON.stringify(before)
    ? before
    : entry;
}

/** A pause keeps its first author and time; another reason replaces the old one. */
export function pausedEntry(
  before: EditorEntry | undefined,
  editor: string,
  pause: EditorPause,
): EditorEntry {
  const known: EditorEntry = before ?? {
    ...{ editor, registered: false, instance: null, projectFolder: null, mcpUrl: null, labels: {} },
    ...{ paused: null, registeredAt: pause.at, updatedAt: pause.at },
  };
  if (known.paused && (pause.reason === null || pause.reason === known.paused.reason)) return known;
  return { ...known, paused: pause, updatedAt: pause.at };
}

/** Null: nothing is left to be kept. */
export function resumedEntry(before: EditorEntry | undefined, now: string): EditorEntry | null {
  if (!before?.registered) return null;
  return before.paused ? { ...before, paused: null, updatedAt: now } : before;
}

/** Null: nothing is left to be kept. A pause outlives the registration: it holds whatever comes for that name. */
export function removedEntry(before: EditorEntry | undefined, now: string): EditorEntry | null {
  if (!before?.paused) return null;
  const nowhere = { registered: false, instance: null, projectFolder: null, mcpUrl: null, labels: {} };
  return { ...before, ...nowhere, updatedAt: now };
}

const stored = z.object({
  editor: z.string().regex(TOKEN_PATTERN),
  registered: z.boolean(),
  instance: z.string().nullable(),
  projectFolder: z.string().nullable(),
  mcpUrl: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  paused: z.object({ by: z.string(), at: z.string(), reason: z.string().nullable() }).nullable(),
  registeredAt: z.string(),
  updatedAt: z.string(),
});

/** Reads what another process stored; undefined for what is no entry. */
export function parseEntry(text: string): EditorEntry | undefined {
  try {
    const parsed = stored.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What a simulated tool is: a strict argument schema, what it does to the editor, and how the server treats it. */
import * as z from 'zod';
import type { Answer, ToolReply } from './answers.js';
import type { Editor } from './editor.js';

/** A change of one path; shas are of the file's bytes, null where there is no file. */
export interface Change {
  readonly path: string | null;
  readonly beforeSha: string | null;
  readonly afterSha: string | null;
}

export interface ToolContext {
  readonly editor: Editor;
  readonly options: ToolOptions;
  readonly now: () => Date;
  /** Makes a change and writes it to the effect log, both now. */
  readonly commit: (change: Change, make: () => void) => void;
  /** The same context for a command of a batch: effects carry that command's name. */
  readonly as: (tool: string) => ToolContext;
}

export interface ToolOptions {
  readonly buildMs: number;
  /** A build occupies the main thread, as Unity's does: nothing else is answered until it is done. */
  readonly buildsBlock: boolean;
  readonly testsMs: number;
}

/** What a tool gives back: an answer alone, or with a picture. */
export type Output = Answer | ToolReply;

export function toReply(output: Output): ToolReply {
  return isAnswer(output) ? { answer: output } : output;
}

function isAnswer(output: Output): output is Answer {
  return 'success' in output;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly readOnly: boolean;
  /** Compiles after it: waits longer for an editor that is away, and may be followed by a domain reload. */
  readonly mutatesScripts: boolean;
  readonly input: z.ZodObject;
  /** Checks the arguments (throws ZodError) and gives back what is to be done when the editor's turn comes. */
  readonly prepare: (args: unknown) => (context: ToolContext) => Output | Promise<Output>;
}

export interface ToolSpec<Shape extends z.core.$ZodLooseShape> {
  readonly name: string;
  readonly description: string;
  readonly readOnly?: boolean;
  readonly mutatesScripts?: boolean;
  readonly shape: Shape;
  readonly run: (
    context: ToolContext,
    args: z.output<z.ZodObject<Shape, z.core.$strict>>,
  ) => Output | Promise<Output>;
}

export function defineTool<Shape extends z.core.$ZodLooseShape>(spec: ToolSpec<Shape>): Tool {
  const input = z.strictObject(spec.shape);
  return {
    name: spec.name,
    description: spec.description,
    readOnly: spec.readOnly ?? false,
    mutatesScripts: spec.mutatesScripts ?? false,
    input: input as unknown as z.ZodObject,
    prepare(args) {
      const parsed = input.parse(args);
      return (context) => spec.run(context, parsed as z.output<z.ZodObject<Shape, z.core.$strict>>);
    },
  };
}

/** True, or the text of it: Unity's tools take both. */
export const looseBoolean = z.union([z.boolean(), z.string()]);
/** A number, or the text of one. */
export const looseNumber = z.union([z.number(), z.string()]);

export function asBoolean(value: boolean | string | null | undefined, fallback: boolean): boolean {
  if (value === null || value === undefined) return fallback;
  return typeof value === 'boolean' ? value : ['true', '1', 'yes', 'on'].includes(value.toLowerCase());
}

export function asNumber(value: number | string | null | undefined, fallback: number): number {
  const number = value === null || value === undefined || value === '' ? fallback : Number(value);
  return Number.isFinite(number) ? number : fallback;
}

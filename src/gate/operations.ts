import { z } from 'zod';
import type { UnityEditorGate } from '../unity/gate.js';
import type { GateCall } from '../workers/editor.js';
import * as ask from './requestSchemas.js';
import { MAX_MESSAGE_BYTES } from './wire.js';

/** What the gate does for a worker, by the name in the path: one row a method of the port. */
type Gate = Omit<UnityEditorGate, 'name' | 'start' | 'stop'>;

interface Operation {
  readonly schema: z.ZodType;
  /** `input` is what `schema` made of the message. */
  readonly run: (gate: Gate, input: unknown, signal: AbortSignal) => Promise<unknown>;
}

function operation<S extends z.ZodType>(
  schema: S,
  run: (gate: Gate, input: z.output<S>, signal: AbortSignal) => Promise<unknown>,
): Operation {
  return { schema, run: (gate, input, signal) => run(gate, input as z.output<S>, signal) };
}

const { editor, path, paths, step, folders, createdFolders, view, build, order, jobId, tool } = ask;
/** Leaves a frame's worth of room. */
const maxBytes = z
  .number()
  .int()
  .min(0)
  .max(MAX_MESSAGE_BYTES - 64 * 1024);

/** Sent with a look at an editor that had calls whose end the caller does not know: none of them may begin after the look. */
const look = { editor, unsettled: ask.tokens };

async function settled(
  gate: Gate,
  { editor: name, unsettled }: { editor: string; unsettled: z.output<typeof ask.tokens> },
  signal: AbortSignal,
): Promise<void> {
  if (unsettled.length > 0) await gate.settle(name, unsettled, signal);
}

const callOf = (call: z.output<typeof ask.call>, signal: AbortSignal): GateCall => ({ ...call, signal });

export const OPERATIONS = {
  readiness: operation(z.strictObject({ editor }), (gate, input, signal) =>
    gate.readiness(input.editor, signal),
  ),
  drain: operation(z.strictObject(look), async (gate, input, signal) => {
    await settled(gate, input, signal);
    return gate.drain(input.editor, signal);
  }),
  probe: operation(z.strictObject({ ...look, path }), async (gate, input, signal) => {
    await settled(gate, input, signal);
    return gate.probe(input.editor, input.path, signal);
  }),
  'read-file': operation(z.strictObject({ editor, path, maxBytes }), (gate, input, signal) =>
    gate.readFile(input.editor, input.path, input.maxBytes, signal),
  ),
  run: operation(z.strictObject({ editor, step, call: ask.call }), (gate, input, signal) =>
    gate.run(input.editor, input.step, callOf(input.call, signal)),
  ),
  'read-folders': operation(z.strictObject({ editor, paths }), (gate, input, signal) =>
    gate.readFolders(input.editor, input.paths, signal),
  ),
  'stage-folders': operation(z.strictObject({ editor, folders, call: ask.call }), (gate, input, signal) =>
    gate.stageFolders(input.editor, input.folders, callOf(input.call, signal)),
  ),
  'prune-folders': operation(
    z.strictObject({ editor, folders: createdFolders, call: ask.call }),
    (gate, input, signal) => gate.pruneFolders(input.editor, input.folders, callOf(input.call, signal)),
  ),
  render: operation(z.strictObject({ editor, view, call: ask.call }), (gate, input, signal) =>
    gate.render(input.editor, input.view, callOf(input.call, signal)),
  ),
  inspect: operation(z.strictObject({ editor, path, call: ask.call }), (gate, input, signal) =>
    gate.inspect(input.editor, input.path, callOf(input.call, signal)),
  ),
  'call-tool': operation(
    z.strictObject({ editor, tool, args: ask.toolArguments, call: ask.call }),
    (gate, input, signal) => gate.callTool(input.editor, input.tool, input.args, callOf(input.call, signal)),
  ),
  'start-build': operation(z.strictObject({ editor, order, call: ask.call }), (gate, input, signal) =>
    gate.builds.start(input.editor, input.order, callOf(input.call, signal)),
  ),
  'cancel-build': operation(z.strictObject({ editor, jobId, call: ask.call }), (gate, input, signal) =>
    gate.builds.cancel(input.editor, input.jobId, callOf(input.call, signal)),
  ),
  'remove-build': operation(z.strictObject({ editor, build, call: ask.call }), (gate, input, signal) =>
    gate.builds.removeOutput(input.editor, input.build, callOf(input.call, signal)),
  ),
  'build-status': operation(z.strictObject({ editor, jobId: jobId.nullable() }), (gate, input, signal) =>
    gate.builds.status(input.editor, input.jobId, signal),
  ),
  'build-traces': operation(z.strictObject({ editor, build }), (gate, input, signal) =>
    gate.builds.traces(input.editor, input.build, signal),
  ),
  revision: operation(z.strictObject({ editor, view }), (gate, input, signal) =>
    gate.revision(input.editor, input.view, signal),
  ),
  survey: operation(z.strictObject({}), (gate, _input, signal) => gate.survey(signal)),
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

export const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name);
export type { Gate as ServedGate };

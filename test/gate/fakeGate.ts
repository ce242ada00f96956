import type { ServedGate } from '../../src/gate/operations.js';
import { EditorLane } from '../../src/unity/editorLane.js';
import { Fence } from '../../src/unity/fence.js';
import { fileFenceStore } from '../../src/unity/fenceStore.js';
import { planChange } from '../../src/unity/plan.js';
import type { Answer, GateCall } from '../../src/workers/editor.js';

/** What the gate does with a call in these tests, once its token is let through. */
export type Act = (call: GateCall, what: string) => Promise<Answer>;

/** The real fence and lane in front of an editor that the test plays. `begun` lists the calls that were let through. */
export function fakeGate(folder: string, act: Act): ServedGate & { readonly begun: string[] } {
  const fence = new Fence(fileFenceStore(folder));
  const lane = new EditorLane();
  const begun: string[] = [];
  const through = (editor: string, call: GateCall, what: string): Promise<Answer> =>
    lane.run(call.signal, async () => {
      await fence.admit(editor, call.token);
      begun.push(`${what} ${call.commandId}`);
      return act(call, what);
    });
  const ready = async () => ({ state: 'ready' as const });
  return {
    begun,
    readiness: ready,
    drain: ready,
    probe: async () => ({ state: 'absent' }),
    readFile: async (_editor, _path, maxBytes) => ({
      state: 'present',
      bytes: Buffer.alloc(maxBytes, 7),
      sha256: '',
    }),
    plan: planChange,
    run: (editor, step, call) => through(editor, call, step.tool),
    readFolders: async (_editor, paths) => paths.map((path) => ({ path, meta: Buffer.from(path) })),
    stageFolders: (editor, _folders, call) => through(editor, call, 'stage'),
    pruneFolders: (editor, _folders, call) => through(editor, call, 'prune'),
    render: (editor, _view, call) => through(editor, call, 'render'),
    inspect: (editor, _path, call) => through(editor, call, 'inspect'),
    callTool: (editor, tool, _args, call) => through(editor, call, tool),
    revision: async () => null,
    survey: async () => [
      { editor: 'a', source: 'configuration', instance: null, connected: undefined, reason: 'x' },
    ],
    settle: (editor, tokens, signal) =>
      lane.run(signal, async () => {
        for (const token of tokens) await fence.spend(editor, token);
      }),
    builds: {
      start: (editor, _order, call) => through(editor, call, 'build'),
      cancel: (editor, _job, call) => through(editor, call, 'cancel'),
      removeOutput: (editor, _build, call) => through(editor, call, 'remove'),
      status: async () => ({ kind: 'none' }),
      traces: async () => ({ kind: 'traces', succeeded: true, lastLine: null, outputBytes: 3 }),
    },
  };
}

export const DONE: Answer = { kind: 'done', message: 'ok', data: {} };

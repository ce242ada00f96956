import { SparkError } from '../../src/core/errors.js';
import type { FenceToken } from '../../src/events/event.js';
import { StaleTokenError } from '../../src/unity/fence.js';
import { planChange } from '../../src/unity/plan.js';
import { isPlannedStep } from '../../src/unity/steps.js';
import type { BuildGate } from '../../src/workers/buildPort.js';
import type { Answer, EditorGate, GateCall } from '../../src/workers/editor.js';
import { type Network, RequestTimeoutError } from '../kernel/network.js';
import type { Process } from '../kernel/process.js';
import type { GateServer } from './gateServer.js';

/** Where the gate is now; undefined: its process is dead and not back. */
export type GateAt = () => GateServer | undefined;

const LOOK_MS = 1_000;
const CALL_MS = 2_000;
const AWAY = { reason: 'the gate does not answer', retryAfterMs: 100 } as const;
const CUT: Answer = { kind: 'unknown', reason: 'the gate did not answer in time', mayStillRun: true };

/** The connection was refused: nothing has reached anybody. */
class RefusedError extends SparkError {
  readonly code = 'gate_refused';
}

/**
 * A worker's way to the gate, over a network that loses and delays. Tokens of calls that were never answered are named with the next look,
 * so that none of them can begin after it; a token that only an earlier gate's reservation refuses is raised above it.
 */
export function gateOf(process: Process, network: Network, gate: GateAt): EditorGate {
  const unsettled = new Map<string, FenceToken[]>();
  const lifts = new Map<string, number>();
  const tokensOf = (editor: string): readonly FenceToken[] => unsettled.get(editor) ?? [];
  const ask = <T>(
    ms: number,
    serve: (gate: GateServer) => T | Promise<T>,
    lateMs?: () => number,
  ): Promise<T> => {
    const arrive = (): T | Promise<T> => {
      const at = gate();
      if (!at) throw new RefusedError('connection refused');
      return at.process.state === 'stopped' ? whenItGoesOn(at, serve) : serve(at);
    };
    return network.request(process, ms, arrive, lateMs);
  };
  const callLateMs = (): number => network.callLateMs();
  const looked = async <T>(
    editor: string,
    serve: (gate: GateServer, unsettled: readonly FenceToken[]) => Promise<T>,
  ): Promise<T> => {
    const told = tokensOf(editor);
    const answer = await ask(LOOK_MS, (at) => serve(at, told));
    const left = tokensOf(editor).filter((token) => !told.includes(token));
    unsettled.set(editor, left);
    return answer;
  };
  const away = (error: unknown): { state: 'away'; reason: string; retryAfterMs: number } => {
    if (isPassing(error)) return { state: 'away', ...AWAY };
    throw error;
  };
  const called = async (
    editor: string,
    { token, signal }: GateCall,
    serve: (gate: GateServer, token: FenceToken) => Promise<Answer>,
  ): Promise<Answer> => {
    const key = `${editor}/${token.partition ?? ''}/${token.epoch}`;
    for (;;) {
      signal.throwIfAborted();
      const lifted = { ...token, call: token.call + (lifts.get(key) ?? 0) };
      try {
        return await ask(CALL_MS, (at) => serve(at, lifted), callLateMs);
      } catch (error) {
        if (error instanceof StaleTokenError && error.spent)
          lifts.set(key, error.bound.call - token.call + 1);
        else if (error instanceof RefusedError) return { kind: 'away', ...AWAY };
        else if (!(error instanceof RequestTimeoutError)) throw error;
        else {
          unsettled.set(editor, [...tokensOf(editor), lifted]);
          return CUT;
        }
      }
    }
  };
  return {
    readiness: (editor) => ask(LOOK_MS, (at) => at.readiness(editor)).catch(away),
    drain: (editor) => looked(editor, (at, told) => at.drain(editor, told)).catch(away),
    probe: (editor, path) => looked(editor, (at, told) => at.probe(editor, path, told)).catch(away),
    plan: planChange,
    run: (editor, step, call) => {
      if (!isPlannedStep(step)) throw new TypeError('a step that planChange has not planned');
      return called(editor, call, (at, token) => at.run(editor, step, { commandId: call.commandId, token }));
    },
    readFolders: async (_editor, paths) => paths.map((path) => ({ path, meta: null })),
    stageFolders: (editor, _folders, call) => called(editor, call, (at, token) => at.pass(editor, token)),
    pruneFolders: (editor, _folders, call) => called(editor, call, (at, token) => at.pass(editor, token)),
    readFile: async () => notSimulated,
    render: async () => notSimulated,
    inspect: async () => notSimulated,
    callTool: async () => notSimulated,
    revision: async () => null,
    builds: NO_BUILDS,
  } as EditorGate;
}

const notSimulated = {
  kind: 'refused',
  state: 'refused',
  code: 'not_simulated',
  message: 'the simulation drives scripts and units of scripts',
} as const;

const NO_BUILDS = {} as BuildGate;

const isPassing = (error: unknown): boolean =>
  error instanceof RequestTimeoutError || error instanceof RefusedError;

/** A stopped gate answers when it goes on. */
function whenItGoesOn<T>(gate: GateServer, serve: (gate: GateServer) => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    gate.process.after(0, () => {
      Promise.resolve(serve(gate)).then(resolve, reject);
    });
  });
}

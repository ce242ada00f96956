import { Pool } from 'undici';
import type { z } from 'zod';
import type { Clock } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import type { CreatedFolder } from '../events/event.js';
import { EditorLane } from '../unity/editorLane.js';
import { planChange } from '../unity/plan.js';
import type {
  Answer,
  ChangePlan,
  ChangeStep,
  EditorGate,
  FileChange,
  FileRead,
  FolderContent,
  GateCall,
  Probe,
  Readiness,
  View,
} from '../workers/editor.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';
import * as told from './answerSchemas.js';
import { encodeMessage } from './codec.js';
import { exchangeWithGate, type GateReply, type Unanswered } from './gateExchange.js';
import type { OperationName } from './operations.js';
import { remoteBuilds } from './remoteBuilds.js';
import { CallTokens } from './tokens.js';
import { awayFrom, GATE_RETRY_MS, GateAwayError, type Verdict, verdictOf, whyOf } from './verdict.js';
import { GATE_ID_HEADER, GATE_PATH, MAX_MESSAGE_BYTES, MESSAGE_TYPE, SILENCE_MS } from './wire.js';

export interface GateClientOptions {
  /** Where the gate listens, e.g. `http://127.0.0.1:8790`. */
  readonly url: string;
  readonly token: string;
  /** Of the gate that is meant (gateIdentity.ts): another one at the same address counts as away. */
  readonly identity: string;
  readonly clock: Clock;
  /** Silence for this long means that the gate is gone; longer than its heartbeats. Default `SILENCE_MS`. */
  readonly silenceMs?: number;
  /** Told of every call. Must not throw. */
  readonly onCall?: (call: { readonly editor: string; readonly outcome: Answer['kind'] }) => void;
}

/** Calls wait in the gate for their editor's turn, so there is room for one of each; looks must not wait behind them. */
const CALL_CONNECTIONS = 512;
const LOOK_CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 2_000;
const KEEP_ALIVE_MS = 4_000;
/** One more than how often the gate may be killed while one call is pending. */
const MAX_LIFTS = 5;

/** A worker's way to the gate in another process: the same port, over HTTP. */
export class GateClient implements EditorGate, Service {
  readonly name = 'gate-client';
  readonly builds = remoteBuilds({
    act: (operation, editor, input, call) => this.#act(operation, editor, input, call, told.answer),
    look: (operation, input, schema, signal, otherwise) =>
      this.#look(operation, input, schema, signal, otherwise),
  });
  readonly #options: GateClientOptions;
  readonly #calls: Pool;
  readonly #looks: Pool;
  readonly #base: string;
  readonly #tokens = new CallTokens();
  readonly #lanes = new Map<string, EditorLane>();

  constructor(options: GateClientOptions) {
    this.#options = options;
    const { origin, pathname } = new URL(options.url);
    this.#calls = poolOf(origin, CALL_CONNECTIONS);
    this.#looks = poolOf(origin, LOOK_CONNECTIONS);
    this.#base = pathname.replace(/\/$/, '') + GATE_PATH;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#calls.destroy(), this.#looks.destroy()]);
  }

  readiness(editor: string, signal: AbortSignal): Promise<Readiness> {
    return this.#look('readiness', { editor }, told.readiness, signal, awayFrom);
  }

  drain(editor: string, signal: AbortSignal): Promise<Readiness> {
    return this.#settling(editor, (unsettled) =>
      this.#look('drain', { editor, unsettled }, told.readiness, signal, awayFrom),
    );
  }

  probe(editor: string, path: string, signal: AbortSignal): Promise<Probe> {
    return this.#settling(editor, (unsettled) =>
      this.#look('probe', { editor, path, unsettled }, told.probe, signal, awayFromGate),
    );
  }

  readFile(editor: string, path: string, maxBytes: number, signal: AbortSignal): Promise<FileRead> {
    return this.#look('read-file', { editor, path, maxBytes }, told.fileRead, signal, awayFromGate);
  }

  /** Pure: nothing is asked of the gate. */
  plan(change: FileChange): ChangePlan {
    return planChange(change);
  }

  run(editor: string, step: ChangeStep, call: GateCall): Promise<Answer> {
    return this.#act('run', editor, { step }, call, told.answer);
  }

  readFolders(editor: string, paths: readonly string[], signal: AbortSignal): Promise<FolderContent[]> {
    // As where the project folder is out of reach.
    return this.#look('read-folders', { editor, paths }, told.folderContents, signal, () =>
      paths.map((path) => ({ path, meta: null })),
    );
  }

  stageFolders(editor: string, folders: readonly FolderContent[], call: GateCall): Promise<Answer> {
    return this.#act('stage-folders', editor, { folders }, call, told.answer);
  }

  pruneFolders(editor: string, folders: readonly CreatedFolder[], call: GateCall): Promise<Answer> {
    return this.#act('prune-folders', editor, { folders }, call, told.answer);
  }

  render(editor: string, view: View, call: GateCall): ReturnType<EditorGate['render']> {
    return this.#act('render', editor, { view }, call, told.rendering);
  }

  inspect(editor: string, path: string, call: GateCall): ReturnType<EditorGate['inspect']> {
    return this.#act('inspect', editor, { path }, call, told.inspection);
  }

  callTool(
    editor: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
    call: GateCall,
  ): Promise<Answer> {
    return this.#act('call-tool', editor, { tool, args }, call, told.answer);
  }

  revision(editor: string, view: View, signal: AbortSignal): Promise<string | null> {
    return this.#look('revision', { editor, view }, told.revision, signal, () => null);
  }

  /** Throws `GateAwayError` when the gate cannot be asked. */
  survey(signal: AbortSignal): Promise<SurveyedEditor[]> {
    return this.#look('survey', {}, told.survey, signal, (reply) => {
      throw new GateAwayError(whyOf(reply));
    });
  }

  /** A look at the editor, behind every call whose end is not known here. */
  async #settling<T extends { readonly state: string }>(
    editor: string,
    look: (unsettled: ReturnType<CallTokens['unsettled']>) => Promise<T>,
  ): Promise<T> {
    const unsettled = this.#tokens.unsettled(editor);
    const seen = await look(unsettled);
    if (seen.state !== 'away') this.#tokens.settled(editor, unsettled);
    return seen;
  }

  async #look<T>(
    operation: OperationName,
    input: object,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    otherwise: (reply: Unanswered) => T,
  ): Promise<T> {
    const reply = await this.#exchange(this.#looks, operation, input, signal);
    if (reply.kind !== 'result') return otherwise(reply);
    const parsed = schema.safeParse(reply.value);
    return parsed.success ? parsed.data : otherwise({ kind: 'lost', reason: FOREIGN });
  }

  /** One at a time for an editor and a partition: tokens must reach the gate in their order. */
  #act<A extends Answer>(
    operation: OperationName,
    editor: string,
    input: object,
    call: GateCall,
    schema: z.ZodType<A>,
  ): Promise<A | Answer> {
    return this.#lane(editor, call).run(call.signal, async () => {
      const answer = await this.#send(operation, { editor, ...input }, call, schema);
      this.#options.onCall?.({ editor, outcome: answer.kind });
      return answer;
    });
  }

  async #send<A extends Answer>(
    operation: OperationName,
    input: { readonly editor: string },
    call: GateCall,
    schema: z.ZodType<A>,
  ): Promise<A | Answer> {
    for (let times = 0; times < MAX_LIFTS; times++) {
      const verdict = await this.#tell(operation, input, call);
      switch (verdict.kind) {
        case 'answered': {
          const parsed = schema.safeParse(verdict.value);
          if (parsed.success) return parsed.data;
          return { kind: 'unknown', reason: FOREIGN, mayStillRun: false };
        }
        case 'not_begun':
          return verdict.answer;
        case 'stale':
          throw verdict.error;
        case 'spent':
          // Nothing of it was let through, and nobody else has been told so: the same call, above what was reserved.
          this.#tokens.lift(input.editor, call.token, verdict.bound);
          break;
        case 'lost':
          return { kind: 'unknown', reason: verdict.reason, mayStillRun: true };
      }
    }
    return { kind: 'away', reason: 'the gate is restarted all the time', retryAfterMs: GATE_RETRY_MS };
  }

  /** Sends it once, and keeps account of what may be on its way. */
  async #tell(
    operation: OperationName,
    input: { readonly editor: string },
    { token: given, commandId, attempt, signal }: GateCall,
  ): Promise<Verdict> {
    const { editor } = input;
    const token = this.#tokens.lifted(editor, given);
    const message = { ...input, call: { token, commandId, attempt } };
    try {
      const verdict = verdictOf(await this.#exchange(this.#calls, operation, message, signal));
      if (verdict.kind === 'lost') this.#tokens.lost(editor, token);
      else if (verdict.kind !== 'not_begun') this.#tokens.answered(editor, token);
      return verdict;
    } catch (error) {
      // Cut off by its signal, on the way or in the gate.
      this.#tokens.lost(editor, token);
      throw error;
    }
  }

  async #exchange(
    pool: Pool,
    operation: OperationName,
    message: object,
    signal: AbortSignal,
  ): Promise<GateReply> {
    let body: Buffer;
    try {
      body = encodeMessage(message);
    } catch (error) {
      return { kind: 'refused', status: 400, code: 'bad_message', message: messageOf(error) };
    }
    if (body.length > MAX_MESSAGE_BYTES)
      return { kind: 'refused', status: 413, code: 'too_large', message: `${body.length} bytes` };
    const { token, identity, silenceMs = SILENCE_MS } = this.#options;
    const headers = {
      'content-type': MESSAGE_TYPE,
      authorization: `Bearer ${token}`,
      [GATE_ID_HEADER]: identity,
    };
    return exchangeWithGate(pool, { path: this.#base + operation, headers, body, silenceMs }, signal);
  }

  #lane(editor: string, { token }: GateCall): EditorLane {
    const key = `${editor}/${token.partition ?? ''}`;
    const lane = this.#lanes.get(key) ?? new EditorLane();
    this.#lanes.set(key, lane);
    return lane;
  }
}

const FOREIGN = 'the gate answered something else: it may be of another build';

/** A request that is wrong is wrong for ever; all else passes. */
function awayFromGate(reply: Unanswered) {
  const verdict = verdictOf(reply);
  return verdict.kind === 'not_begun' && verdict.answer.kind === 'refused'
    ? { state: 'refused' as const, code: verdict.answer.code, message: verdict.answer.message }
    : awayFrom(reply);
}

function poolOf(origin: string, connections: number): Pool {
  return new Pool(origin, {
    connections,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });
}

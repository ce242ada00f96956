import type { FenceToken } from '../../src/events/event.js';
import type { PlannedStep } from '../../src/unity/steps.js';
import type { Answer } from '../../src/workers/editor.js';
import type { Kernel } from '../kernel/kernel.js';
import { fileOf, type ProjectFile, resultOf } from './files.js';

/** One thing that happened to a file, whoever did it: the editor's own log, which SPARK never sees. */
export interface Effect {
  readonly atMs: number;
  readonly editor: string;
  readonly path: string;
  /** Null: a human. */
  readonly by: { readonly commandId: string; readonly token: FenceToken; readonly planned: string } | null;
  /** sha-256 of the bytes; "" for absent. */
  readonly before: string;
  readonly after: string;
}

export interface EditorCall {
  readonly commandId: string;
  readonly token: FenceToken;
}

/** How often what goes wrong with a call, while faults are on; the rest works. */
export interface EditorFaults {
  readonly lostReply: number;
  readonly lostCall: number;
  readonly ghost: number;
  readonly reloadBefore: number;
  readonly reloadAfter: number;
  readonly falseSuccess: number;
  readonly notExecuted: number;
}

export const NO_FAULTS: EditorFaults = {
  lostReply: 0,
  lostCall: 0,
  ghost: 0,
  reloadBefore: 0,
  reloadAfter: 0,
  falseSuccess: 0,
  notExecuted: 0,
};

const DONE: Answer = { kind: 'done', message: 'ok', data: {} };
const UNKNOWN: Answer = { kind: 'unknown', reason: 'the reply was lost', mayStillRun: true };
const SHA_ABSENT = '';

/** A Unity Editor and its project: one thing at a time, replies that get lost, calls that run later, reloads, and a human at the keys. */
export class Editor {
  readonly name: string;
  readonly files = new Map<string, ProjectFile>();
  readonly effects: Effect[];
  faults: EditorFaults = NO_FAULTS;
  readonly #kernel: Kernel;
  #reloadingUntilMs = 0;
  #goneUntilMs = 0;
  /** Calls that were taken and have not run; they run in their order, at the latest when the editor answers a ping. */
  #ghosts: (() => void)[] = [];
  #guids = 0;

  constructor(name: string, kernel: Kernel, effects: Effect[]) {
    this.name = name;
    this.#kernel = kernel;
    this.effects = effects;
  }

  get reloading(): boolean {
    return this.#kernel.nowMs < this.#reloadingUntilMs;
  }

  /** Not to be found at all; its folder neither. */
  get gone(): boolean {
    return this.#kernel.nowMs < this.#goneUntilMs;
  }

  get away(): boolean {
    return this.reloading || this.gone;
  }

  get quiet(): boolean {
    return this.#ghosts.length === 0 && !this.away;
  }

  reload(forMs: number): void {
    this.#reloadingUntilMs = Math.max(this.#reloadingUntilMs, this.#kernel.nowMs + forMs);
    this.#kernel.after(forMs, () => this.#runGhosts());
  }

  leave(forMs: number): void {
    this.#goneUntilMs = Math.max(this.#goneUntilMs, this.#kernel.nowMs + forMs);
    this.#kernel.after(forMs, () => this.#runGhosts());
  }

  /** A human writes the file (or removes it): the last word, whatever lay there. */
  humanWrites(path: string, bytes: Uint8Array | null): void {
    const before = this.files.get(path);
    if (bytes === null && !before) return;
    this.#put(path, bytes === null ? null : { bytes, meta: before?.meta ?? this.#freshMeta() }, null);
  }

  /** Everything sent before has run: what a ping behind it shows. Resolves by telling `answered` at that moment. */
  ping(answered: () => void): void {
    this.#kernel.after(this.#kernel.random.between(1, 3), () => {
      if (!this.away) this.#runGhosts();
      answered();
    });
  }

  /** One step. `reply` may never be told the truth, and the step may run long after it. */
  run(step: PlannedStep, call: EditorCall, reply: (answer: Answer) => void): void {
    const tookMs = this.#kernel.random.between(1, 6);
    this.#kernel.after(tookMs, () => {
      if (this.away) return reply({ kind: 'away', reason: 'domain reload', retryAfterMs: 100 });
      const fault = this.#fault();
      this.#kernel.trace.add(this.#kernel.nowMs, this.name, fault, call.commandId);
      switch (fault) {
        case 'works':
          return reply(this.#apply(step, call));
        case 'lostReply':
          this.#apply(step, call);
          return reply(UNKNOWN);
        case 'lostCall':
          return reply(UNKNOWN);
        case 'ghost':
          this.#ghosts.push(() => this.#apply(step, call));
          this.#kernel.after(this.#kernel.random.between(20, 1_500), () => {
            if (!this.away) this.#runGhosts();
          });
          return reply(UNKNOWN);
        case 'reloadBefore':
          this.reload(this.#kernel.random.between(50, 1_200));
          return reply({ kind: 'away', reason: 'domain reload', retryAfterMs: 100 });
        case 'reloadAfter':
          this.#apply(step, call);
          this.reload(this.#kernel.random.between(50, 1_200));
          return reply(UNKNOWN);
        case 'falseSuccess':
          return reply(DONE);
        case 'notExecuted':
          return reply({ kind: 'not_executed', reason: 'the session was lost', retryAfterMs: 20 });
      }
    });
  }

  #fault(): keyof EditorFaults | 'works' {
    let draw = this.#kernel.random.next();
    for (const name of Object.keys(this.faults) as (keyof EditorFaults)[]) {
      draw -= this.faults[name];
      if (draw < 0) return name;
    }
    return 'works';
  }

  #runGhosts(): void {
    if (this.away) return;
    for (const ghost of this.#ghosts.splice(0)) ghost();
  }

  #apply(step: PlannedStep, { commandId, token }: EditorCall): Answer {
    const result = resultOf(step, this.files.get(step.path), () => this.#freshMeta());
    if (result.kind === 'stale') return result;
    if (result.kind === 'exists') return result;
    const planned = 'beforeSha' in step ? step.beforeSha : SHA_ABSENT;
    this.#put(step.path, result.to, { commandId, token, planned });
    return DONE;
  }

  #put(path: string, to: { bytes: Uint8Array; meta: Uint8Array | null } | null, by: Effect['by']): void {
    const before = this.files.get(path)?.sha256 ?? SHA_ABSENT;
    const file = to === null ? undefined : fileOf(to);
    if (file) this.files.set(path, file);
    else this.files.delete(path);
    const effect = {
      atMs: this.#kernel.nowMs,
      editor: this.name,
      path,
      by,
      before,
      after: file?.sha256 ?? SHA_ABSENT,
    };
    this.effects.push(effect);
    this.#kernel.trace.add(
      effect.atMs,
      this.name,
      by ? 'changed' : 'human',
      `${path} ${effect.after.slice(0, 8)}`,
    );
  }

  #freshMeta(): Uint8Array {
    const guid = (++this.#guids).toString(16).padStart(32, '0');
    return Buffer.from(`fileFormatVersion: 2\nguid: ${guid}\n`);
  }
}

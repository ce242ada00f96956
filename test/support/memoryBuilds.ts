import type { BuildIntent } from '../../src/events/event.js';
import type { BuildGate, BuildOrder, BuildStatus, EditorBuild } from '../../src/workers/buildPort.js';
import type { Answer, GateCall } from '../../src/workers/editor.js';

type Started = BuildOrder & { readonly commandId: string; readonly editor: string; readonly jobId: string };

/** An editor's builds in memory: a job table that can be wiped, a console, an output folder, and faults told in advance. */
export class MemoryBuilds implements BuildGate {
  /** Every start that reached the editor. */
  readonly started: Started[] = [];
  readonly cancels: string[] = [];
  readonly calls: GateCall[] = [];
  /** Every look, by what it asked: a job id, "newest" or "traces". */
  readonly looks: string[] = [];
  /** What the next starts answer, and whether they reach the editor; works once empty. */
  readonly script: { readonly reaches: boolean; readonly answer?: Answer }[] = [];
  table = new Map<string, EditorBuild>();
  /** Why nobody answers; undefined: the editor answers. */
  silent: string | undefined;
  consoleLines: string[] = [];
  /** Output path → bytes. */
  readonly outputs = new Map<string, number>();
  /** Runs before each look is answered: a test's hand in the middle. */
  onLook: ((look: string) => void) | undefined;

  async start(editor: string, order: BuildOrder, call: GateCall): Promise<Answer> {
    this.calls.push(call);
    const { reaches, answer } = this.script.shift() ?? { reaches: true };
    const jobId = `job-${this.started.length + 1}`;
    if (reaches) {
      this.started.push({ ...order, editor, jobId, commandId: call.commandId });
      this.set(jobId, { outputPath: order.outputPath });
    }
    return answer ?? { kind: 'done', message: 'scheduled', data: { job_id: jobId } };
  }

  /** Puts a job into the table, or moves it on. */
  set(jobId: string, change: Partial<EditorBuild>): void {
    const nothing = { platform: null, totalBytes: null, durationMs: null, warnings: null, error: null };
    const fresh = {
      jobId,
      state: 'running',
      outputPath: null,
      percent: null,
      pollMs: 1_000,
      ...nothing,
    } as const;
    this.table.set(jobId, { ...fresh, ...this.table.get(jobId), ...change });
  }

  /** A domain reload: the table is gone, the work and its traces are not. */
  wipe(): void {
    this.table = new Map();
  }

  async removeOutput(_editor: string, build: BuildIntent): Promise<Answer> {
    this.outputs.delete(build.outputPath);
    return { kind: 'done', message: '', data: {} };
  }

  async status(_editor: string, jobId: string | null): Promise<BuildStatus> {
    this.#look(jobId ?? 'newest');
    if (this.silent !== undefined) return { kind: 'silent', reason: this.silent };
    const build = jobId === null ? [...this.table.values()].at(-1) : this.table.get(jobId);
    return build ? { kind: 'build', build } : { kind: 'none' };
  }

  async traces(_editor: string, build: BuildIntent): ReturnType<BuildGate['traces']> {
    this.#look('traces');
    if (this.silent !== undefined) return { kind: 'silent', reason: this.silent };
    return {
      kind: 'traces',
      succeeded: this.consoleLines.some((line) => line.includes(build.outputPath)),
      lastLine: this.consoleLines.at(-1) ?? null,
      outputBytes: this.outputs.get(build.outputPath) ?? null,
    };
  }

  async cancel(_editor: string, jobId: string, call: GateCall): Promise<Answer> {
    this.calls.push(call);
    this.cancels.push(jobId);
    this.set(jobId, { state: 'cancelled' });
    return { kind: 'done', message: 'cancelled', data: {} };
  }

  #look(what: string): void {
    this.looks.push(what);
    this.onLook?.(what);
  }
}

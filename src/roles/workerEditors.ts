import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import type { NatsConnection } from '../streams/connection.js';
import { EditorRegistry } from '../streams/editorRegistry.js';
import { tellEditorsChanged } from '../streams/workerRpc.js';
import type { EditorsView } from '../workers/answers.js';
import { EditorHealth } from '../workers/editors/editorHealth.js';
import { EditorMonitor } from '../workers/editors/editorMonitor.js';
import { editorViews } from '../workers/editors/editorViews.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';
import { PAUSED_REASON } from '../workers/lanes/lane.js';
import type { Worker } from '../workers/worker.js';
import type { WorkerListener } from '../workers/workerOptions.js';
import type { RoleContext } from './context.js';

/** What a worker knows of editors beside its lanes: the registry, who is connected, and how they are. */
export class WorkerEditors implements Service, EditorsView {
  readonly name = 'worker-editors';
  readonly health: EditorHealth;
  readonly registry: EditorRegistry;
  /** Frames and ticks that wait for the connection. */
  telemetryDepth: () => number = () => 0;
  readonly #context: RoleContext;
  readonly #nc: NatsConnection;
  #monitor: EditorMonitor | undefined;

  constructor(context: RoleContext, nc: NatsConnection) {
    this.#context = context;
    this.#nc = nc;
    this.health = new EditorHealth(context.clock);
    this.registry = new EditorRegistry(nc, context.clock);
  }

  pauseOf(editor: string) {
    const { entries } = this.registry;
    return entries.get(editor)?.paused ?? null;
  }

  paused(editor: string): boolean {
    return this.pauseOf(editor) !== null;
  }

  /** The worker's word on itself, heard here too. A pause is nobody's absence. */
  listening(listener: WorkerListener): WorkerListener {
    const holding = listener.holding.bind(listener);
    return Object.assign(listener, {
      holding: (editor: string, reason: string | undefined) => {
        if (reason === PAUSED_REASON) return;
        this.health.holding(editor, reason);
        holding(editor, reason);
      },
    });
  }

  /** Joins it with what it looks after; before `start`. */
  watch(worker: Worker, survey: (signal: AbortSignal) => Promise<SurveyedEditor[]>): void {
    const { clock, logger } = this.#context;
    const monitor = new EditorMonitor({
      clock,
      health: this.health,
      survey,
      views: () => worker.view && editorViews(this.health, worker.view.dispatcher),
      tell: (changed) => tellEditorsChanged(this.#nc, changed),
      onError: (error) => logger.debug({ error: messageOf(error) }, 'the editors could not be looked at'),
    });
    this.#monitor = monitor;
    this.registry.onChange((editor) => {
      worker.view?.dispatcher.kick(editor);
      monitor.surveyAnew().catch(() => undefined);
    });
  }

  /** Resolves when the registry is loaded: what is paused must be known before the first command runs. */
  async start(): Promise<void> {
    await this.registry.start();
    await this.#monitor?.start();
  }

  async stop(): Promise<void> {
    await this.#monitor?.stop();
    await this.registry.stop();
  }
}

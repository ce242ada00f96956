import { definitionOf } from '../commands/catalogue.js';
import type { Clock } from '../core/clock.js';
import type { BuildProgress } from '../workers/buildPort.js';
import type { UnitProgress } from '../workers/unitProgressPort.js';
import type { TelemetryQueue } from './telemetryQueue.js';

const encoder = new TextEncoder();

/** Progress ticks, of builds on `spark.build.unity.progress.{session}`: telemetry, at most once, the oldest dropped first and counted. */
export class ProgressFeed {
  readonly #queue: Pick<TelemetryQueue, 'add'>;
  readonly #clock: Clock;

  constructor(queue: Pick<TelemetryQueue, 'add'>, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  add(tick: BuildProgress): void {
    const { sessionId, commandId, editor, jobId, state, elapsedMs, percent } = tick;
    const body = {
      type: 'build.progress',
      sessionId,
      timestamp: new Date(this.#clock.nowMs()).toISOString(),
      commandId,
      editor,
      jobId,
      state,
      elapsedMs,
      ...(percent === null ? {} : { percent }),
    };
    this.#send(`spark.build.unity.progress.${sessionId}`, body);
  }

  /** How far a unit of files is, on `spark.runtime.session.progress.{session}`. */
  addUnit(tick: UnitProgress): void {
    const { commandType, ...rest } = tick;
    const type = `${definitionOf(commandType)?.eventName ?? 'unit'}.progress`;
    const body = { type, timestamp: new Date(this.#clock.nowMs()).toISOString(), ...rest };
    this.#send(`spark.runtime.session.progress.${tick.sessionId}`, body);
  }

  #send(subject: string, body: object): void {
    this.#queue.add({ kind: 'progress', subject, body: encoder.encode(JSON.stringify(body)) });
  }
}

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { Clock } from '../core/clock.js';
import { pause } from '../core/clock.js';
import type { Service } from '../core/service.js';
import { isEnd, type LoggedEvent, seqOf } from '../events/event.js';
import { decodeLogMessage } from '../events/log.js';
import type { CommandBeginning, Feed } from '../http/ports.js';
import { Beginnings } from './beginnings.js';
import { readStream } from './streamReader.js';
import { STREAMS } from './topology.js';

/** The log as it grows, fanned out in this process: sessions' live streams and those who wait for a command's end. */
export class LogFeed implements Feed, Service {
  readonly name = 'feed';
  readonly #nc: NatsConnection;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Set<(logged: LoggedEvent) => void>>();
  readonly #waiting = new Map<string, Set<(logged: LoggedEvent) => void>>();
  readonly #beginnings = new Beginnings();
  #abort = new AbortController();
  #reading: Promise<void> | undefined;
  #lastStreamSeq = 0;
  #lastSeq = 0;

  constructor(nc: NatsConnection, clock: Clock) {
    this.#nc = nc;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    if (this.#reading) return;
    this.#abort = new AbortController();
    const manager = await jetstreamManager(this.#nc);
    this.#lastStreamSeq = (await manager.streams.info(STREAMS.log)).state.last_seq;
    this.#lastSeq = seqOf(this.#lastStreamSeq, 0);
    this.#reading = this.#read(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#reading;
    this.#reading = undefined;
  }

  lastSeq(): number {
    return this.#lastSeq;
  }

  beginning(commandId: string): CommandBeginning | undefined {
    return this.#beginnings.of(commandId);
  }

  onSession(sessionId: string, listener: (logged: LoggedEvent) => void): () => void {
    return subscribe(this.#sessions, sessionId, listener);
  }

  terminal(commandId: string, timeoutMs: number, signal: AbortSignal): Promise<LoggedEvent | undefined> {
    return new Promise((resolve) => {
      const ended = new AbortController();
      const finish = (logged: LoggedEvent | undefined) => {
        unsubscribe();
        ended.abort();
        resolve(logged);
      };
      const unsubscribe = subscribe(this.#waiting, commandId, finish);
      void pause(this.#clock, timeoutMs, AbortSignal.any([signal, ended.signal])).then(() =>
        finish(undefined),
      );
    });
  }

  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const message of readStream(
          jetstream(this.#nc),
          STREAMS.log,
          this.#lastStreamSeq,
          signal,
        )) {
          const partition = Number(message.subject.slice(message.subject.lastIndexOf('.') + 1));
          for (const logged of decodeLogMessage(message.data, message.streamSeq, message.tsMs, partition))
            this.#tell(logged);
          this.#lastStreamSeq = message.streamSeq;
        }
      } catch {
        // The server is away: go on from where we were when it is back.
        await pause(this.#clock, 200, signal);
      }
    }
  }

  #tell(logged: LoggedEvent): void {
    this.#lastSeq = logged.seq;
    // First: whoever is told of an end asks how it began.
    this.#beginnings.see(logged);
    for (const listener of this.#sessions.get(logged.event.sessionId) ?? []) listener(logged);
    if (isEnd(logged.event))
      for (const listener of this.#waiting.get(logged.event.commandId) ?? []) listener(logged);
  }
}

function subscribe<T>(listeners: Map<string, Set<T>>, key: string, listener: T): () => void {
  const set = listeners.get(key) ?? new Set();
  listeners.set(key, set);
  set.add(listener);
  return () => {
    set.delete(listener);
    if (set.size === 0 && listeners.get(key) === set) listeners.delete(key);
  };
}

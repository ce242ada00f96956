import { setMaxListeners } from 'node:events';
import type { NatsConnection } from 'nats';
import type { History } from '../history.js';
import type { System, Workload } from '../ports.js';
import type { Random } from '../random.js';
import { Client, natsOf, type Via } from './client.js';

/** What a workload's own code gets to do its work with. */
export interface Work {
  readonly system: System;
  readonly history: History;
  readonly signal: AbortSignal;
  readonly random: Random;
  /** In front of every key and session, so that two runs on one home do not meet. */
  readonly prefix: string;
  client(name: string): Client;
  nats(): Promise<NatsConnection>;
}

/** A workload of one idea: what it draws comes from the seed and its own name. */
export function workload(
  name: string,
  { random, prefix }: { readonly random: Random; readonly prefix: string },
  work: (work: Work) => Promise<void>,
): Workload {
  return {
    name,
    async run(system, history, signal) {
      const connection = natsOf(system);
      let operations = 0;
      const nextOperation = (): number => ++operations;
      // Every client of the workload listens to its end.
      setMaxListeners(0, signal);
      try {
        await work({
          system,
          history,
          signal,
          random: random.branch(name),
          prefix,
          client: (client) =>
            new Client({
              system,
              history,
              workload: name,
              name: client,
              nats: connection.get,
              nextOperation,
            }),
          nats: connection.get,
        });
      } finally {
        await connection.close();
      }
    },
  };
}

/** Over HTTP or plain NATS, as the seed says. */
export const eitherWay =
  (random: Random): (() => Via) =>
  () =>
    random.next() < 0.5 ? 'http' : 'nats';

/** The editor of that number, counted round. */
export function editorAt(
  { system: { editors } }: Pick<Work, 'system'>,
  index: number,
): System['editors'][number] {
  const editor = editors[index % editors.length];
  if (!editor) throw new Error('the system has no editors');
  return editor;
}

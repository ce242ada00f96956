import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { HistoryRecord } from '../../chaos/history.js';
import { readHistory } from '../../chaos/history.js';
import type { Workload } from '../../chaos/ports.js';
import { type Ran, runChaos } from '../../chaos/run.js';
import { pause } from '../../chaos/workloads/pause.js';
import { alive } from '../support/spark.js';

const EVERY_MS = 40;

/** Posts scripts one after the other, round the editors, for as long as it is let. */
const posting: Workload = {
  name: 'posting',
  run: async ({ http: [ingest], editors }, history, signal) => {
    if (ingest === undefined) throw new Error('there is no ingest');
    for (let n = 0; !signal.aborted; n++) {
      const name = `P${n}`;
      const command = {
        type: 'unity.generate_script',
        editor: editors[n % editors.length]?.name,
        sessionId: `posting-${n % 3}`,
        payload: { name, path: `Assets/P/${name}.cs`, code: `class ${name} { }\n` },
      };
      try {
        const response = await fetch(`${ingest.url}/v1/commands`, {
          method: 'POST',
          signal,
          headers: {
            authorization: `Bearer ${ingest.token}`,
            'content-type': 'application/json',
            'idempotency-key': name,
          },
          body: JSON.stringify(command),
        });
        await response.body?.cancel();
        if (response.status === 202) history.write({ kind: 'note', text: 'accepted' });
      } catch {
        // Killed just now: what was not answered is not counted.
      }
      await pause(EVERY_MS, signal);
    }
  },
};

const notes = (history: readonly HistoryRecord[], text: string): number =>
  history.filter((record) => record.kind === 'note' && record.text === text).length;

describe('the chaos harness', () => {
  it('starts the whole system, hurts it for twenty seconds, sees it settle, and leaves nothing behind', async () => {
    const said: string[] = [];
    const pids = new Set<number>();
    const look = async ({ history, settled, struck, system }: Ran) => {
      for (const { pid } of system.processes) if (pid !== undefined) pids.add(pid);
      return { records: readHistory(history.file), settled, struck, processes: system.processes.length };
    };
    const { verdict, dir } = await runChaos(
      {
        minutes: 1 / 3,
        seed: 'smoke',
        cluster: false,
        only: ['kill', 'wire', 'reload'],
        workloads: [posting],
        say: (line) => said.push(line),
      },
      new AbortController().signal,
      look,
      () => false,
    );
    const { records, settled, struck } = verdict;
    expect(settled.open, said.join('\n')).toEqual([]);
    expect(struck.map(({ outcome }) => outcome)).toEqual(struck.map(() => 'healed'));
    expect(struck.filter(({ strike }) => strike.nemesis === 'kill').length).toBeGreaterThanOrEqual(4);
    expect(notes(records, 'accepted')).toBeGreaterThan(10);
    expect(verdict.processes).toBe(10);
    expect([...pids].filter(alive)).toEqual([]);
    expect(existsSync(dir)).toBe(false);
  }, 240_000);
});

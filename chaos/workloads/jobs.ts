import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import type { Client } from './client.js';
import { pause } from './pause.js';
import { editorAt, type Work, workload } from './workload.js';

const EVERY_MS = { least: 4_000, most: 9_000 };
const TARGETS = ['webgl', 'linux64', 'windows64'] as const;

/** Builds that take longer than a process lives here: each is started once and watched to its end, and its state is asked for meanwhile. */
export function jobs(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('jobs', options, async (work) => {
    const { signal, prefix } = work;
    const client = work.client('jobs');
    for (let n = 0; !signal.aborted; n++) {
      await build(work, client, n, `${prefix}-jobs-${n % 2}`);
      await pause(work.random.between(EVERY_MS.least, EVERY_MS.most), signal);
    }
  });
}

async function build(work: Work, client: Client, n: number, session: string): Promise<void> {
  const { signal, prefix, random } = work;
  const editor = editorAt(work, 2 + (n % 2)).name;
  const answered = await client.sendUntilAnswered(
    {
      type: 'unity.run_build',
      session,
      editor,
      key: `k-${prefix}-build-${n}`,
      payload: { target: random.pick(TARGETS) },
    },
    () => 'http',
    signal,
  );
  if (answered.commandId === undefined) return;
  await pause(random.between(200, 2_000), signal);
  // Of another session: its own waits for the build.
  await client.sendUntilAnswered(
    {
      type: 'unity.get_build_status',
      session: `${session}-status`,
      editor,
      key: `k-${prefix}-status-${n}`,
      payload: { jobId: answered.commandId },
    },
    () => (random.next() < 0.5 ? 'http' : 'nats'),
    signal,
  );
}

import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { editorAt, type Work, workload } from './workload.js';

const SENDS = 20;
const EVERY_MS = 1_500;

/**
 * One key sent twenty times at once, over HTTP and NATS, each time the same: one command. Then the same key with another payload: refused, and
 * the first one is untouched.
 */
export function duplicates(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('duplicates', options, async (work) => {
    for (let round = 0; !work.signal.aborted; round++) {
      await once(work, round);
      await pause(EVERY_MS, work.signal);
    }
  });
}

async function once(work: Work, round: number): Promise<void> {
  const { prefix, random, signal } = work;
  const name = `Dup${round}`;
  const ask = (code: string, about?: Record<string, unknown>) => ({
    type: 'unity.generate_script',
    session: `${prefix}-dup-${round % 4}`,
    editor: editorAt(work, round).name,
    key: `k-${prefix}-dup-${round}`,
    payload: { name, path: `Assets/Dup/${name}.cs`, code },
    ...(about ? { about } : {}),
  });
  const sends = Array.from({ length: SENDS }, (_, at) => ({
    client: work.client(`dup-${round}-${at}`),
    via: random.next() < 0.6 ? ('http' as const) : ('nats' as const),
    delayMs: random.between(0, 40),
  }));
  const answers = await Promise.all(
    sends.map(async ({ client, via, delayMs }) => {
      await pause(delayMs, signal);
      return client.send(ask(`class ${name} { }\n`), via);
    }),
  );
  // Without an acknowledgement nobody knows which payload was first.
  if (!answers.some(({ kind }) => kind === 'ok')) return;
  const other = ask(`class ${name} { int other; }\n`, { mismatch: true });
  await work.client(`dup-${round}-other`).send(other, random.next() < 0.5 ? 'http' : 'nats');
}

import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { editorAt, eitherWay, workload } from './workload.js';

const EVERY_MS = { least: 300, most: 900 };

/** Sessions at work on two editors by turns, with undo over both: each editor sees its own order, and an undo finds the newest wherever it is. */
export function twoEditors(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('two-editors', options, async (work) => {
    await Promise.all([0, 1].map((who) => session(who)));

    async function session(who: number): Promise<void> {
      const { signal, prefix } = work;
      const random = work.random.branch(String(who));
      const client = work.client(`two-${who}`);
      const via = eitherWay(random);
      for (let n = 0; !signal.aborted; n++) {
        const editor = editorAt(work, who * 2 + random.between(0, 1)).name;
        const name = `Two${who}N${n}`;
        const undo = random.next() < 0.15;
        await client.sendUntilAnswered(
          {
            session: `${prefix}-two-${who}`,
            editor,
            key: `k-${prefix}-two-${who}-${n}`,
            ...(undo
              ? { type: 'session.undo', payload: {} }
              : {
                  type: 'unity.generate_script',
                  payload: { name, path: `Assets/Two/${name}.cs`, code: `class ${name} { }\n` },
                }),
          },
          via,
          signal,
        );
        await pause(random.between(EVERY_MS.least, EVERY_MS.most), signal);
      }
    }
  });
}

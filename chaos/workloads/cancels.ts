import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { editorAt, workload } from './workload.js';

const EVERY_MS = { least: 500, most: 1_500 };

/** Commands that are taken back at once or a little later, and commands with deadlines that are over, close, or far: each ends in one way only. */
export function cancels(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('cancels', options, async (work) => {
    const { signal, prefix, random } = work;
    const client = work.client('cancels');
    for (let n = 0; !signal.aborted; n++) {
      const session = `${prefix}-cancel-${n % 3}`;
      const name = `Cancel${n}`;
      const late = n % 3 === 0 ? random.pick([-1_000, 50, 300, 60_000]) : undefined;
      const answered = await client.sendUntilAnswered(
        {
          type: 'unity.generate_script',
          session,
          editor: editorAt(work, n).name,
          key: `k-${prefix}-cancel-${n}`,
          payload: { name, path: `Assets/Cancel/${name}.cs`, code: `class ${name} { }\n` },
          ...(late === undefined ? {} : { deadline: new Date(Date.now() + late).toISOString() }),
        },
        () => 'http',
        signal,
      );
      if (answered.commandId !== undefined && n % 3 === 1) {
        await pause(random.between(0, 60), signal);
        await client.cancel(answered.commandId, session);
      }
      await pause(random.between(EVERY_MS.least, EVERY_MS.most), signal);
    }
  });
}

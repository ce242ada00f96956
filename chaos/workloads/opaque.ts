import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { editorAt, workload } from './workload.js';

const EVERY_MS = { least: 500, most: 1_500 };

/** Calls of a tool that SPARK knows nothing of: at most once each, whatever happens; half of them without a key. */
export function opaque(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('opaque', options, async (work) => {
    const { signal, prefix, random } = work;
    const client = work.client('opaque');
    for (let n = 0; !signal.aborted; n++) {
      await client.sendUntilAnswered(
        {
          type: 'unity.call_tool',
          session: `${prefix}-opaque`,
          editor: editorAt(work, n).name,
          key: n % 2 === 0 ? `k-${prefix}-opaque-${n}` : null,
          payload: { tool: 'execute_menu_item', arguments: { menu_path: 'File/Save Project' } },
          about: { effectful: true },
        },
        () => 'http',
        signal,
      );
      await pause(random.between(EVERY_MS.least, EVERY_MS.most), signal);
    }
  });
}

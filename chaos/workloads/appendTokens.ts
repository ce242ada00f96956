import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import type { Client } from './client.js';
import { pause } from './pause.js';
import { editorAt, eitherWay, type Work, workload } from './workload.js';

const SESSIONS = 6;
/** So that a file stays far below what a script may have. */
const TOKENS_A_FILE = 300;
const EVERY_MS = { least: 150, most: 450 };
/** One in so many has no key, and is sent once. */
const KEYLESS_ONE_IN = 12;

/**
 * Each session appends tokens to a file of its own, one acknowledged after the other: the order of the session and the once-ness of each
 * command stand in the file for everybody to read.
 */
export function appendTokens(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('append', options, async (work) => {
    await Promise.all(Array.from({ length: SESSIONS }, (_, index) => session(work, index)));
  });
}

/** Sessions that a watcher may follow. */
export const appendSession = (prefix: string, index: number): string => `${prefix}-append-${index}`;

async function session(work: Work, index: number): Promise<void> {
  const { signal, prefix, random } = work;
  const client = work.client(`append-${index}`);
  const own = random.branch(String(index));
  const via = eitherWay(own);
  for (let n = 0; !signal.aborted; n++) {
    const file = Math.floor(n / TOKENS_A_FILE);
    const name = `Append${index}x${file}`;
    const path = `Assets/Append/${name}.cs`;
    if (n % TOKENS_A_FILE === 0 && !(await create(work, client, index, name, path))) return;
    const token = `${prefix}-a${index}-${n}`;
    await client.sendUntilAnswered(
      {
        type: 'unity.apply_patch',
        session: appendSession(prefix, index),
        editor: editorAt(work, index).name,
        key: own.between(1, KEYLESS_ONE_IN) === 1 ? null : `k-${token}`,
        about: { appendTo: path, token },
        payload: {
          path,
          edits: [{ startLine: 2, startCol: 1, endLine: 2, endCol: 1, newText: `// <t:${token}>\n` }],
        },
      },
      via,
      signal,
    );
    await pause(own.between(EVERY_MS.least, EVERY_MS.most), signal);
  }
}

/** The file itself: appended to only once it is acknowledged. False when the run ended before. */
async function create(
  work: Work,
  client: Client,
  index: number,
  name: string,
  path: string,
): Promise<boolean> {
  const answered = await client.sendUntilAnswered(
    {
      type: 'unity.generate_script',
      session: appendSession(work.prefix, index),
      editor: editorAt(work, index).name,
      key: `k-${work.prefix}-${name}`,
      payload: { name, path, code: `class ${name} {\n}\n` },
    },
    () => 'http',
    work.signal,
  );
  return answered.kind === 'ok';
}

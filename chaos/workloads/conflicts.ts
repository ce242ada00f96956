import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { editorAt, type Work, workload } from './workload.js';

const FILES = 3;
const EVERY_MS = { least: 300, most: 900 };
const HUMAN_EVERY_MS = { least: 2_000, most: 5_000 };

/**
 * Two sessions change the same files for what they last saw in them, and a human saves the same files beside SPARK: whoever comes late gets a
 * conflict, and nobody's text is overwritten unseen.
 */
export function conflicts(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('conflicts', options, async (work) => {
    await Promise.all([session(work, 0), session(work, 1), human(work)]);
  });
}

const placeOf = (work: Work, file: number) => {
  const { name, projectFolder } = editorAt(work, file * 2 + 1);
  const path = `Assets/Shared/Shared${file}.cs`;
  return { editor: name, path, onDisk: join(projectFolder, path), projectFolder };
};

async function session(work: Work, who: number): Promise<void> {
  const { prefix, signal } = work;
  const random = work.random.branch(`session-${who}`);
  const client = work.client(`shared-${who}`);
  const name = (n: number) => `${prefix}-shared-${who}-${n}`;
  for (let n = 0; !signal.aborted; n++) {
    const file = random.between(0, FILES - 1);
    const { editor, path, onDisk } = placeOf(work, file);
    const seen = textOf(onDisk);
    const session = `${prefix}-shared-${who}`;
    const common = { session, editor, key: `k-${name(n)}` };
    const script = `class Shared${file} { /* ${name(n)} */ }\n`;
    const ask =
      seen === undefined
        ? { type: 'unity.generate_script', payload: { name: `Shared${file}`, path, code: script } }
        : random.next() < 0.2
          ? { type: 'session.undo', payload: {} }
          : {
              type: 'unity.apply_patch',
              payload: {
                path,
                expectedSha256: shaOf(seen),
                edits: [{ startLine: 1, startCol: 1, endLine: 1, endCol: 1, newText: `// ${name(n)}\n` }],
              },
            };
    await client.sendUntilAnswered(
      { ...common, ...ask },
      () => (random.next() < 0.5 ? 'http' : 'nats'),
      signal,
    );
    await pause(random.between(EVERY_MS.least, EVERY_MS.most), signal);
  }
}

/** Saves a whole new text, as an editor of texts does: beside the file, and then in its place. Each text is another one. */
async function human(work: Work): Promise<void> {
  const { history, signal, prefix } = work;
  const random = work.random.branch('human');
  for (let n = 0; !signal.aborted; n++) {
    await pause(random.between(HUMAN_EVERY_MS.least, HUMAN_EVERY_MS.most), signal);
    const file = random.between(0, FILES - 1);
    const { editor, path, onDisk, projectFolder } = placeOf(work, file);
    const before = textOf(onDisk);
    if (before === undefined || signal.aborted) continue;
    const after = `class Shared${file} { /* human ${prefix} ${n} */ }\n`;
    history.write({ kind: 'outside', editor, path, beforeSha: shaOf(before), afterSha: shaOf(after) });
    const drafts = join(projectFolder, 'Temp');
    mkdirSync(drafts, { recursive: true });
    const draft = join(drafts, `human-${n}.txt`);
    writeFileSync(draft, after);
    renameSync(draft, onDisk);
  }
}

const shaOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

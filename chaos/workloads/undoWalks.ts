import type { History, HistoryRecord } from '../history.js';
import type { System, Workload } from '../ports.js';
import type { Random } from '../random.js';
import { type Ask, Client, natsOf, type Seen } from './client.js';
import { limited, pause } from './pause.js';
import { treeOf } from './tree.js';
import { editorAt, type Work, workload } from './workload.js';

const WALKERS = 4;
const STEPS = { least: 4, most: 9 };
const PAUSE_MS = 200;
/** More than a walk can have made. */
const UNDOS_MAX = 60;

/**
 * A session edits, undoes, redoes and rolls back, seeing the end of each step; at the end it undoes everything, and its folder must be what it was,
 * `.meta` and folders included. Before it begins another session has put files there, so that there is something to restore.
 */
export function undoWalks(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('undo', options, async (work) => {
    await Promise.all(
      Array.from({ length: WALKERS }, async (_, walker) => {
        for (let n = 0; !work.signal.aborted; n++) {
          await walk(work, walker, n);
          await pause(PAUSE_MS, work.signal);
        }
      }),
    );
  });
}

interface Walk {
  readonly id: string;
  readonly session: string;
  readonly editor: string;
  readonly projectFolder: string;
  readonly under: string;
}

async function walk(work: Work, walker: number, n: number): Promise<void> {
  const { prefix, signal, history } = work;
  const random = work.random.branch(`${walker}/${n}`);
  const editor = editorAt(work, walker * 3 + n);
  const id = `${prefix}-walk-${walker}-${n}`;
  const under = `Assets/Walk${walker}x${n}`;
  const own: Walk = { id, session: id, editor: editor.name, projectFolder: editor.projectFolder, under };
  const client = work.client(`walk-${walker}`);
  const steps = new Steps(own, client, signal);
  for (const name of ['Base', 'Other'])
    if (!isDone(await steps.ask('unity.generate_script', scriptOf(own, name, 0), `${id}-base`))) return;
  history.write({
    kind: 'tree',
    moment: 'before',
    editor: editor.name,
    under,
    walk: id,
    files: treeOf(editor.projectFolder, under),
    complete: true,
  });
  const operations: string[] = [];
  for (let step = random.between(STEPS.least, STEPS.most); step > 0 && !signal.aborted; step--) {
    const seen = await oneStep(own, steps, random, step, operations);
    const made = seen?.state === 'completed' ? seen.result?.['operationId'] : undefined;
    if (typeof made === 'string') operations.push(made);
  }
  // What the end of the run cuts off is finished by `finishWalks`, when everything runs again.
  if (!signal.aborted) await undoEverything(own, steps, history, false);
}

const isDone = (seen: Seen | undefined): boolean => seen?.state === 'completed';

/** The commands of one walk, each with a key of its own, seen to its end. */
class Steps {
  readonly #walk: Walk;
  readonly #client: Client;
  readonly #signal: AbortSignal;
  #n = 0;
  readonly #tag: string;
  constructor(walk: Walk, client: Client, signal: AbortSignal, tag = 's') {
    this.#walk = walk;
    this.#client = client;
    this.#signal = signal;
    this.#tag = tag;
  }

  ask(type: string, payload: object, session = this.#walk.session): Promise<Seen | undefined> {
    const { id, editor } = this.#walk;
    const ask: Ask = { type, session, editor, payload, key: `k-${id}-${this.#tag}${++this.#n}` };
    return this.#client.sendAndSeeEnd(ask, this.#signal);
  }
}

const scriptOf = ({ under, id }: Walk, name: string, step: number) => ({
  name,
  path: `${under}/${name}.cs`,
  code: `class ${name} { /* ${id} ${step} */ }\n`,
  overwrite: true,
});

function oneStep(
  walk: Walk,
  steps: Steps,
  random: Random,
  step: number,
  operations: readonly string[],
): Promise<Seen | undefined> {
  const { under } = walk;
  const kind = random.pick([
    'new',
    'overwrite',
    'patch',
    'delete',
    'undo',
    'undo',
    'redo',
    'rollback',
    'folder',
  ] as const);
  switch (kind) {
    case 'new':
      return steps.ask('unity.generate_script', scriptOf(walk, `New${step}`, step));
    case 'folder':
      return steps.ask('unity.generate_script', {
        ...scriptOf(walk, `Deep${step}`, step),
        path: `${under}/A${step}/B/Deep${step}.cs`,
      });
    case 'overwrite':
      return steps.ask('unity.generate_script', scriptOf(walk, 'Base', step));
    case 'patch':
      return steps.ask('unity.apply_patch', {
        path: `${under}/Other.cs`,
        edits: [{ startLine: 1, startCol: 1, endLine: 1, endCol: 1, newText: `// step ${step}\n` }],
      });
    case 'delete':
      return steps.ask('unity.delete_script', {
        path: `${under}/${random.next() < 0.5 ? 'Base' : 'Other'}.cs`,
      });
    case 'undo':
      return steps.ask('session.undo', {});
    case 'redo':
      return steps.ask('session.redo', {});
    case 'rollback': {
      // Only what made something can be rolled back to; anything else is refused, which is an end too.
      const [to] = random.shuffled(operations);
      return to === undefined ? steps.ask('session.undo', {}) : steps.ask('session.rollback', { to });
    }
  }
}

/** Undoes until there is nothing left, then looks at the folder. */
async function undoEverything(
  walk: Walk,
  steps: Steps,
  history: History,
  isLastChance: boolean,
): Promise<void> {
  const { id, editor, under, projectFolder } = walk;
  let last: Seen | undefined;
  for (let n = 0; n < UNDOS_MAX; n++) {
    last = await steps.ask('session.undo', {});
    if (last?.state !== 'completed') break;
  }
  // Cut off by the end of the run: `finishWalks` goes on.
  if (last === undefined && !isLastChance) return;
  const complete = last?.error?.code === 'nothing_to_undo';
  history.write({
    kind: 'tree',
    moment: 'after',
    editor,
    under,
    walk: id,
    files: treeOf(projectFolder, under),
    complete,
    ...(complete ? {} : { detail: `${last?.state ?? 'not seen to its end'}: ${last?.error?.message ?? ''}` }),
  });
}

/** Brings the walks that the end of the run cut off to their end: call it when everything runs again. */
export async function finishWalks(
  system: System,
  history: History,
  records: readonly HistoryRecord[],
): Promise<void> {
  const trees = records.filter((record) => record.kind === 'tree');
  const done = new Set(trees.filter(({ moment }) => moment === 'after').map(({ walk: id }) => id));
  const open = trees.filter(({ moment, walk: id }) => moment === 'before' && !done.has(id));
  const connection = natsOf(system);
  let operations = 0;
  const limit = limited(FINISH_MS);
  try {
    for (const { walk: id, editor, under } of open) {
      const projectFolder = system.editors.find(({ name }) => name === editor)?.projectFolder;
      if (projectFolder === undefined) continue;
      const own: Walk = { id, session: id, editor, projectFolder, under };
      const client = new Client({
        system,
        history,
        workload: 'undo',
        name: `finish-${id}`,
        nats: connection.get,
        nextOperation: () => ++operations,
      });
      await undoEverything(own, new Steps(own, client, limit.signal, 'f'), history, true);
    }
  } finally {
    limit.clear();
    await connection.close();
  }
}

const FINISH_MS = 60_000;

import type { FileImage, OperationRecord } from '../../../src/events/event.js';
import { type Random, someSha } from './random.js';

/** How many operations a session of the story can go back: older ones are left alone. */
const UNDO_DEPTH = 50;
const FILES = 40;
const FOLDERS = [
  'Scripts',
  'Scripts/Player',
  'Scripts/Enemies',
  'Scripts/Ui',
  'Editor',
  'Game/Levels',
] as const;
const NOUNS = ['Player', 'Camera', 'Enemy', 'Inventory', 'Dialogue', 'Health', 'Spawner', 'Score'] as const;

interface Operation extends OperationRecord {
  readonly operationId: string;
}

/** One session of the story: its project's files as they are now, and what it can undo and redo. */
export class Session {
  readonly id: string;
  readonly editor: string;
  readonly editorIndex: number;
  /** Commands until it ends and another takes its place. */
  left: number;
  readonly #files = new Map<string, FileImage>();
  readonly #undoable: Operation[] = [];
  readonly #redoable: Operation[] = [];

  constructor(random: Random, editorIndex: number, meanCommands: number) {
    this.id = `session-${random.hex(3)}`;
    this.editor = `editor-${editorIndex}`;
    this.editorIndex = editorIndex;
    this.left = 1 + Math.floor(random.exponential(meanCommands));
  }

  /** A script's path, an existing one when `known` and there is one. */
  path(random: Random, known: boolean): string {
    if (known && this.#files.size > 0) {
      const nth = random.between(0, this.#files.size - 1);
      let n = 0;
      for (const path of this.#files.keys()) if (n++ === nth) return path;
    }
    return `Assets/${random.pick(FOLDERS)}/${random.pick(NOUNS)}${random.between(1, FILES)}.cs`;
  }

  file(path: string): FileImage | null {
    return this.#files.get(path) ?? null;
  }

  /** Records a change: it can be undone, and nothing can be redone any more. */
  changed(operation: Operation): void {
    this.#become(operation.path, operation.after);
    this.#undoable.push(operation);
    if (this.#undoable.length > UNDO_DEPTH) this.#undoable.shift();
    this.#redoable.length = 0;
  }

  /** The newest operation, moved back or forth; undefined where there is none. */
  move(direction: 'undo' | 'redo'): Operation | undefined {
    const [from, to] =
      direction === 'undo' ? [this.#undoable, this.#redoable] : [this.#redoable, this.#undoable];
    const operation = from.pop();
    if (operation === undefined) return undefined;
    to.push(operation);
    this.#become(operation.path, direction === 'undo' ? operation.before : operation.after);
    return operation;
  }

  #become(path: string, image: FileImage | null): void {
    if (image === null) this.#files.delete(path);
    else this.#files.set(path, image);
  }
}

/** The next version of a file; its `.meta` stays the one Unity made at first. */
export function nextVersion(random: Random, before: FileImage | null): FileImage {
  return {
    sha256: someSha(random),
    bytes: random.between(400, 9_000),
    meta: before?.meta ?? { sha256: someSha(random), bytes: 243, guid: random.hex(8) },
  };
}

import type { Lane } from './lane.js';
import type { ParkedLane } from './parkedLane.js';

export interface OpenLane {
  readonly lane: Lane;
  readonly parked: ParkedLane;
}

/** The lanes that have anything to do, one an editor, opened when first asked for. */
export class OpenLanes {
  readonly #lanes = new Map<string, OpenLane>();
  readonly #open: (editor: string) => OpenLane;
  readonly #partitionOf: (editor: string) => number;

  constructor(open: (editor: string) => OpenLane, partitionOf: (editor: string) => number) {
    this.#open = open;
    this.#partitionOf = partitionOf;
  }

  get all(): readonly Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane);
  }

  find(editor: string): OpenLane | undefined {
    return this.#lanes.get(editor);
  }

  of(editor: string): OpenLane {
    const known = this.#lanes.get(editor);
    if (known) return known;
    const opened = this.#open(editor);
    this.#lanes.set(editor, opened);
    return opened;
  }

  ofPartition(partition: number): OpenLane[] {
    return [...this.#lanes].flatMap(([editor, opened]) =>
      this.#partitionOf(editor) === partition ? [opened] : [],
    );
  }

  /** Forgets those that have nothing to do. */
  sweep(): void {
    for (const [editor, { lane }] of this.#lanes) if (lane.idle) this.#lanes.delete(editor);
  }

  forget(partition: number): void {
    for (const editor of [...this.#lanes.keys()])
      if (this.#partitionOf(editor) === partition) this.#lanes.delete(editor);
  }
}

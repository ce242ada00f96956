import { partitionOf } from '../src/streams/subjects.js';

/** One of each partition. */
export const EDITORS = ['red', 'blue'] as const;
export const PARTITIONS = 2;

/** The partitions of these editors, in order. */
export function partitionsOf(editors: readonly string[]): readonly number[] {
  return [...new Set(editors.map((editor) => partitionOf(editor, PARTITIONS)))].sort();
}

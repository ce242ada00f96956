import { describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/streams/subjects.js';

/** As the server computes it: FNV-1a over the bytes. */
function ofBytes(text: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}

describe('the partition of an editor', () => {
  it.each(['', 'default', 'editor-1', 'A_z-9', 'ä', 'a日本', '😀', 'x\u007f', 'x\u0080', '\ud800'])(
    'given %j, then it is the one that its UTF-8 bytes come to',
    (editor) => {
      for (const partitions of [1, 2, 8, 64])
        expect(partitionOf(editor, partitions)).toBe(ofBytes(editor, partitions));
    },
  );
});

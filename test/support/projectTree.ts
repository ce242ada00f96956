import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Every file below a folder with the sha-256 of its bytes, by relative path: two equal records are two trees equal byte for byte. */
export function treeOf(folder: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile())
      tree[relative(folder, path)] = createHash('sha256').update(readFileSync(path)).digest('hex');
    else if (entry.isDirectory()) tree[`${relative(folder, path)}/`] = 'folder';
  }
  return tree;
}

/** A valid C# script of exactly that many UTF-8 bytes, with CRLF, non-ASCII and astral characters all through; another seed is another text in every line. */
export function scriptOfBytes(bytes: number, seed: string): string {
  const head = `// ${seed} ✓\r\npublic class Big\r\n{\r\n`;
  const tail = '}\r\n';
  let text = head;
  let size = Buffer.byteLength(head) + Buffer.byteLength(tail);
  for (let line = 0; ; line++) {
    const mark = createHash('sha256').update(`${seed}${line}`).digest('hex').slice(0, 24);
    const next = `    public int F${mark} = ${line}; // ünïcode 🎮 ${mark}\r\n`;
    const nextBytes = Buffer.byteLength(next);
    if (size + nextBytes + 8 > bytes) break;
    text += next;
    size += nextBytes;
  }
  const filler = `    // ${'x'.repeat(bytes - size - '    // \r\n'.length)}\r\n`;
  return `${text}${filler}${tail}`;
}

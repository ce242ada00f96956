import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Everything below a folder of a project, sha-256 by path; folders end in "/" and are "". Empty when the folder is not there. */
export function treeOf(projectFolder: string, under: string): Record<string, string> {
  const root = join(projectFolder, under);
  const meta = `${root}.meta`;
  const files: Record<string, string> = existsSync(meta) ? { [`${under}.meta`]: shaOf(meta) } : {};
  if (!existsSync(root)) return files;
  files[`${under}/`] = '';
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = relative(projectFolder, file).split(sep).join('/');
    if (entry.isDirectory()) files[`${path}/`] = '';
    else files[path] = shaOf(file);
  }
  return files;
}

const shaOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryFolder } from './support.js';

const REPOSITORY = resolve(import.meta.dirname, '..', '..');

/** Compiles these files of src/embedded, and what they import, for a plain `node`. Returns the output's folder. */
export function compileEmbedded(files: readonly string[]): string {
  const dir = temporaryFolder();
  const config = {
    extends: join(REPOSITORY, 'tsconfig.build.json'),
    compilerOptions: {
      rootDir: join(REPOSITORY, 'src'),
      outDir: join(dir, 'dist'),
      incremental: false,
      tsBuildInfoFile: null,
      sourceMap: false,
      typeRoots: [join(REPOSITORY, 'node_modules', '@types')],
    },
    include: [],
    files: files.map((file) => join(REPOSITORY, 'src', 'embedded', file)),
  };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  symlinkSync(join(REPOSITORY, 'node_modules'), join(dir, 'node_modules'));
  execFileSync(join(REPOSITORY, 'node_modules', '.bin', 'tsc'), ['-p', dir], { cwd: dir });
  return join(dir, 'dist');
}

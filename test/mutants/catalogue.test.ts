import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from '../../mutants/catalogue.js';
import { applyPatch, patchedFiles, RottenPatchError } from '../../mutants/patch.js';
import { ROOT } from '../support/sourceText.js';

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

describe('the mutants', () => {
  it('are the eight that issue and design name, and more, each by a name of its own', () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'naive',
        'ledger-only',
        'lease-only-fence',
        'ack-before-finish',
        'checkpoint-after-commit',
        'swallow-duplicate',
        'order-by-clock',
        'probe-without-fence',
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(MUTANTS)(
    '$name: each patch finds its place in the sources once, and says why it is wrong',
    ({ patches, why }) => {
      const files = patchedFiles(patches, read);
      expect(files.size).toBeGreaterThan(0);
      for (const [file, text] of files) expect(text).not.toBe(read(file));
      expect(why).toMatch(/^[A-Z].{30,}\.$/s);
    },
  );

  it.each(MUTANTS.filter(({ caughtBy }) => caughtBy !== 'simulation'))(
    '$name: its test is there',
    ({ caughtBy }) => {
      if (caughtBy === 'simulation') throw new Error('filtered above');
      expect(existsSync(join(ROOT, caughtBy.file))).toBe(true);
      expect(read(caughtBy.file).split(`'${caughtBy.title}'`)).toHaveLength(2);
    },
  );
});

describe('a patch', () => {
  const patch = { file: 'src/a.ts', find: 'a();\n', replace: 'b();\n' };

  it('given its place once, takes it', () => {
    expect(applyPatch('x();\na();\ny();\n', patch)).toBe('x();\nb();\ny();\n');
  });

  it.each([
    ['no place', 'x();\n', patch],
    ['two places', 'a();\na();\n', patch],
    ['nothing to change', 'a();\n', { ...patch, replace: patch.find }],
  ])('given %s, has rotted', (_what, text, broken) => {
    expect(() => applyPatch(text, broken)).toThrow(RottenPatchError);
  });

  it('touches production code alone, and goes on top of the one before it', () => {
    expect(() => patchedFiles([{ ...patch, file: 'simulation/a.ts' }], () => 'a();\n')).toThrow(
      RottenPatchError,
    );
    const second = { ...patch, find: 'b();', replace: 'c();' };
    expect([...patchedFiles([patch, second], () => 'a();\n')]).toEqual([['src/a.ts', 'c();\n']]);
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hunt } from '../../mutants/hunt.js';
import type { Mutant } from '../../mutants/mutant.js';
import { Workshop } from '../../mutants/workshop.js';
import { ROOT } from '../support/sourceText.js';

/** A repository in small: a production file, and a simulation that finds out at seed 3 whether it adds. */
const FILES = {
  'package.json': '{ "type": "module" }',
  'src/add.ts': 'export const add = (a: number, b: number): number => a + b;\n',
  'simulation/main.ts': `import { writeFileSync } from 'node:fs';
import { add } from '../src/add.js';
const [seeds, seed] = [Number(process.argv[3]), Number(process.argv[5])];
if (add(1, 0) > 1) throw new Error('overflow');
const found = add(1, 1) !== 2 && seed <= 3 && seed + seeds > 3;
if (found) writeFileSync('simulation/regressions.json', '[{ "seed": 3 }]');
if (found) console.error('seed 3 VIOLATED I3: one and one is ' + add(1, 1));
process.exitCode = found ? 1 : 0;
`,
  'simulation/regressions.json': '[]\n',
};

const root = mkdtempSync(join(tmpdir(), 'spark-mutants-'));
const folder = join(root, 'dist', 'work');
const patched = (replace: string): Mutant => ({
  name: replace,
  why: 'It does not add.',
  patches: [{ file: 'src/add.ts', find: 'a + b', replace }],
  caughtBy: 'simulation',
});

beforeAll(() => {
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  writeFileSync(join(root, 'tsconfig.json'), readFileSync(join(ROOT, 'tsconfig.json')));
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the workshop', () => {
  it('builds each mutant in its copy, lets the simulation judge it, and takes it back before the next', async () => {
    const workshop = new Workshop(root, folder);
    workshop.open();
    const mutants = [
      patched('a - b'),
      patched('a * b'),
      patched('b + a'),
      patched('a + `b`'),
      patched('a + 5'),
    ];
    const rows = await hunt(mutants, workshop, { firstSeed: 1, seeds: 10 }, () => undefined);
    expect(
      rows.map(({ mutant, verdict }) => [mutant, verdict.kind, 'seed' in verdict ? verdict.seed : null]),
    ).toEqual([
      ['unmutated', 'passed', null],
      ['a - b', 'caught', 3],
      ['a * b', 'caught', 3],
      // The same in other words: what nobody can catch must not pass for caught.
      ['b + a', 'passed', null],
      // What does not compile, and what crashes, has shown nothing.
      ['a + `b`', 'broke', null],
      ['a + 5', 'broke', null],
    ]);
    expect(rows.map(({ verdict }) => ('violation' in verdict ? verdict.violation : ''))[1]).toBe(
      'I3: one and one is 0',
    );
    expect(readFileSync(join(root, 'src/add.ts'), 'utf8')).toBe(FILES['src/add.ts']);
    expect(readFileSync(join(root, 'simulation/regressions.json'), 'utf8')).toBe('[]\n');
  }, 60_000);
});

import { describe, expect, it } from 'vitest';
import { type Bench, hunt, isAsItShould, UNMUTATED } from '../../mutants/hunt.js';
import type { Mutant, NamedTest, Patch, Verdict } from '../../mutants/mutant.js';
import { RottenPatchError } from '../../mutants/patch.js';
import { lineOf, summaryOf } from '../../mutants/table.js';

const PASSED: Verdict = { kind: 'passed' };
const mutant = (name: string, caughtBy: Mutant['caughtBy'] = 'simulation'): Mutant => ({
  name,
  why: 'It is wrong.',
  patches: [{ file: `src/${name}.ts`, find: 'a', replace: 'b' }],
  caughtBy,
});
const test = (title: string): NamedTest => ({ project: 'unit', file: 'test/x.test.ts', title });

/** A bench that knows of each mutant how it ends, and writes down what it was asked for. */
class ScriptedBench implements Bench {
  readonly asked: string[] = [];
  #name = '';
  readonly #shows: Readonly<Record<string, (from: number, seeds: number) => Verdict>>;
  readonly #complaints: Readonly<Record<string, string>>;

  constructor(
    shows: Readonly<Record<string, (from: number, seeds: number) => Verdict>>,
    complaints: Readonly<Record<string, string>> = {},
  ) {
    this.#shows = shows;
    this.#complaints = complaints;
  }

  patch([first]: readonly Patch[]): void {
    this.#name = first ? first.file.replace('src/', '').replace('.ts', '') : UNMUTATED;
  }

  async compile(): Promise<string | undefined> {
    return this.#complaints[this.#name];
  }

  async simulate(from: number, seeds: number): Promise<Verdict> {
    this.asked.push(`${this.#name} ${from}+${seeds}`);
    return this.#shows[this.#name]?.(from, seeds) ?? PASSED;
  }

  async test({ file }: NamedTest, titles: readonly string[]): Promise<Verdict> {
    this.asked.push(`${this.#name} ${file} ${titles.join('|')}`);
    return this.#shows[this.#name]?.(0, 0) ?? PASSED;
  }
}

/** Shows itself at this seed. */
const at =
  (seed: number) =>
  (from: number, seeds: number): Verdict =>
    seed >= from && seed < from + seeds ? { kind: 'caught', seed, violation: 'I3: twice' } : PASSED;

const OPTIONS = { firstSeed: 1, seeds: 1_000 };
const huntAll = (mutants: readonly Mutant[], bench: Bench) => hunt(mutants, bench, OPTIONS, () => undefined);

describe('the hunt', () => {
  it('tries all seeds on the code as it is, and ever more on a mutant until one shows it', async () => {
    const bench = new ScriptedBench({ late: at(700) });
    const rows = await huntAll([mutant('late')], bench);
    expect(bench.asked).toEqual([`${UNMUTATED} 1+1000`, 'late 1+100', 'late 101+400', 'late 501+500']);
    expect(rows.map(({ verdict }) => verdict)).toEqual([
      PASSED,
      { kind: 'caught', seed: 700, violation: 'I3: twice' },
    ]);
    expect(rows.every(isAsItShould)).toBe(true);
  });

  it('given a mutant that no seed shows, says that it survived', async () => {
    const rows = await huntAll([mutant('strong'), mutant('weak')], new ScriptedBench({ weak: at(5) }));
    expect(rows.map((row) => [row.mutant, isAsItShould(row)])).toEqual([
      [UNMUTATED, true],
      ['strong', false],
      ['weak', true],
    ]);
    expect(rows.map(lineOf)[1]).toContain('SURVIVED');
    expect(summaryOf(rows, 2)).toContain('1 of 2 mutants caught');
  });

  it('given code that fails as it is, tries no mutant', async () => {
    const rows = await huntAll([mutant('weak')], new ScriptedBench({ [UNMUTATED]: at(900), weak: at(1) }));
    expect(rows).toHaveLength(1);
    expect([rows.every(isAsItShould), rows.map(lineOf)[0]]).toEqual([
      false,
      expect.stringContaining('FAILS AS IT IS'),
    ]);
  });

  it.each<[string, Bench]>([
    ['crashes', new ScriptedBench({ odd: () => ({ kind: 'broke', output: 'TypeError' }) })],
    ['does not compile', new ScriptedBench({ odd: at(1) }, { odd: 'error TS2322' })],
  ])('given a mutant that %s, does not count it as caught', async (_what, bench) => {
    const rows = await huntAll([mutant('odd')], bench);
    expect(rows.map(({ verdict }) => verdict.kind)).toEqual(['passed', 'broke']);
    expect(rows.every(isAsItShould)).toBe(false);
  });

  it('given a patch that has lost its place, says which, and goes on with the others', async () => {
    const bench = new ScriptedBench({ weak: at(1) });
    const patch = bench.patch.bind(bench);
    bench.patch = (patches) => {
      if (patches[0]?.file === 'src/old.ts')
        throw new RottenPatchError('src/old.ts: the text is there 0 times');
      patch(patches);
    };
    const rows = await huntAll([mutant('old'), mutant('weak')], bench);
    expect(rows.map(isAsItShould)).toEqual([true, false, true]);
    expect(rows.map(lineOf)[1]).toContain('src/old.ts: the text is there 0 times');
  });

  it('runs the named tests of a file once as they are, and one on each of its mutants, without the simulation', async () => {
    const bench = new ScriptedBench({ one: at(0), two: () => ({ kind: 'caught', violation: 'b' }) });
    await huntAll([mutant('one', test('a')), mutant('two', test('b')), mutant('three', test('b'))], bench);
    expect(bench.asked).toEqual([
      `${UNMUTATED} test/x.test.ts a|b`,
      'one test/x.test.ts a',
      'two test/x.test.ts b',
      'three test/x.test.ts b',
    ]);
  });
});

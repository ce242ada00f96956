import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, run } from './child.js';
import type { NamedTest, Patch, Verdict } from './mutant.js';
import { patchedFiles } from './patch.js';

/** What the copy holds: what is compiled, and what the named tests need beside it. */
const COPIED = [
  'src',
  'simulation',
  'test',
  'migrations',
  'presets',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
const TSCONFIG = {
  compilerOptions: {
    noEmit: false,
    rootDir: '.',
    outDir: 'out',
    incremental: true,
    tsBuildInfoFile: 'out/.tsbuildinfo',
  },
  include: ['src', 'simulation'],
};
const COMPILE_MS = 120_000;
const SIMULATE_MS = 180_000;
const TEST_MS = 180_000;
/** Seeds that failed are written here by the simulation: those of one mutant must not be tried on the next. */
const REGRESSIONS = 'simulation/regressions.json';
const VIOLATED = /^seed (\d+) VIOLATED (.*)$/m;
/** An exception in the simulation shows that something is broken, not that the promise is. */
const BROKE = /the simulation broke|not deterministic/;

/**
 * A private copy of the sources, where mutants are built and tried: nothing of the repository is touched. Patches are taken back before
 * the next ones come, and only what changed is compiled again.
 */
export class Workshop {
  readonly #root: string;
  readonly #folder: string;
  /** As they were copied; what happens to the repository meanwhile is no matter of this hunt. */
  readonly #originals = new Map<string, string>();
  #patched = new Set<string>();

  /** `root`: the repository; `folder`: where the copy may be made, emptied first. */
  constructor(root: string, folder: string) {
    this.#root = root;
    this.#folder = folder;
  }

  /** Makes the copy. */
  open(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
    for (const name of COPIED)
      if (existsSync(join(this.#root, name)))
        cpSync(join(this.#root, name), join(this.#folder, name), { recursive: true });
    const extended = { extends: './tsconfig.json', ...TSCONFIG };
    writeFileSync(join(this.#folder, 'tsconfig.mutant.json'), JSON.stringify(extended));
    if (!existsSync(join(this.#folder, REGRESSIONS))) return;
    cpSync(join(this.#folder, REGRESSIONS), join(this.#folder, 'kept.json'));
  }

  /** The sources with these patches and no others. Throws `RottenPatchError`. */
  patch(patches: readonly Patch[]): void {
    const original = (file: string): string => {
      const text = this.#originals.get(file) ?? readFileSync(join(this.#folder, file), 'utf8');
      this.#originals.set(file, text);
      return text;
    };
    const files = patchedFiles(patches, original);
    for (const file of this.#patched) if (!files.has(file)) this.#write(file, original(file));
    for (const [file, text] of files) this.#write(file, text);
    this.#patched = new Set(files.keys());
  }

  /** Undefined: compiled. Otherwise what the compiler says. */
  async compile(): Promise<string | undefined> {
    const compiler = join(this.#root, 'node_modules', '.bin', 'tsc');
    const { code, output } = await this.#run(compiler, ['-p', 'tsconfig.mutant.json'], COMPILE_MS);
    return code === 0 ? undefined : output;
  }

  /** Runs so many seeds on what was compiled last. */
  async simulate(firstSeed: number, seeds: number): Promise<Verdict> {
    this.#resetRegressions();
    const args = ['out/simulation/main.js', '--seeds', String(seeds), '--seed', String(firstSeed)];
    const { code, output } = await this.#run(process.execPath, args, SIMULATE_MS);
    if (code === 0) return { kind: 'passed' };
    const [, seed, violation = ''] = VIOLATED.exec(output) ?? [];
    if (code !== 1 || seed === undefined || BROKE.test(violation)) return { kind: 'broke', output };
    return { kind: 'caught', seed: Number(seed), violation };
  }

  /** Runs the named tests of one file on the sources as they are now. */
  async test({ project, file }: NamedTest, titles: readonly string[]): Promise<Verdict> {
    const report = join(this.#folder, 'report.json');
    rmSync(report, { force: true });
    const vitest = join(this.#root, 'node_modules', '.bin', 'vitest');
    const pattern = titles.map((title) => title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    const args = ['run', '--project', project, file, '-t', pattern];
    args.push('--reporter=json', `--outputFile=${report}`);
    const ended = await this.#run(vitest, args, TEST_MS);
    const text = existsSync(report) ? readFileSync(report, 'utf8') : undefined;
    return verdictOf(ended, text, titles.length);
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }

  #resetRegressions(): void {
    const kept = join(this.#folder, 'kept.json');
    if (existsSync(kept)) cpSync(kept, join(this.#folder, REGRESSIONS));
    else rmSync(join(this.#folder, REGRESSIONS), { force: true });
  }

  #run(command: string, args: readonly string[], limitMs: number): Promise<Ended> {
    return run(command, args, { cwd: this.#folder, limitMs });
  }
}

interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
  }[];
}

/** Only a test that ran and failed has caught anything: a file that cannot be read, or no test of the name, has not. */
function verdictOf({ code, output }: Ended, text: string | undefined, tests: number): Verdict {
  if (text === undefined) return { kind: 'broke', output };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(text) as TestReport;
  if (code === 0 && numPassedTests >= tests && numFailedTests === 0) return { kind: 'passed' };
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ title }) => title),
  );
  const [first] = failed;
  return first === undefined ? { kind: 'broke', output } : { kind: 'caught', violation: first };
}

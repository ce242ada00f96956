import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export interface Regression {
  readonly seed: number;
  /** What it found when it failed first. */
  readonly found: string;
}

/** Beside the sources, so that it is committed: `simulation/regressions.json`. Found from where the program was started. */
const FILE = 'simulation/regressions.json';

/** Seeds that failed once: run first, every time. */
export function readRegressions(): readonly Regression[] {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Regression[]) : [];
}

export function appendRegression(seed: number, found: string): void {
  writeFileSync(FILE, `${JSON.stringify([...readRegressions(), { seed, found }], null, 2)}\n`);
}

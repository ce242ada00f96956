import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Size } from './size.js';

export interface Regression {
  readonly seed: number;
  /** With which it failed. */
  readonly size: Size;
  /** What it found when it failed first. */
  readonly found: string;
}

/** Beside the sources, so that it is committed: `simulation/regressions.json`. Found from where the program was started. */
const FILE = 'simulation/regressions.json';

/** Seeds that failed once: run first, every time. */
export function readRegressions(): readonly Regression[] {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Regression[]) : [];
}

export function appendRegression(regression: Regression): void {
  writeFileSync(FILE, `${JSON.stringify([...readRegressions(), regression], null, 2)}\n`);
}

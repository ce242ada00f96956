import { readFileSync } from 'node:fs';

/** SPARK's version, from the package it was installed as. */
export function sparkVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

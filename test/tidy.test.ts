import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, lineOf, ROOT, type SourceFile } from './support/sourceText.js';

const CODE = ['.ts', '.js', '.mjs', '.cjs'];
const TEXT = [...CODE, '.md', '.json', '.yml', '.yaml', '.sql', '.conf', '.sh', '.toml', '.ndjson'];
const FOLDERS = [
  'src',
  'test',
  'bin',
  'scripts',
  'bench',
  'chaos',
  'simulation',
  'mutants',
  'docs',
  'deploy',
  'migrations',
  'dashboards',
  'alerts',
];
/** A test file is one suite over one thing, and its sentences take room. */
const MAX_LINES = { code: 300, tests: 400 };

const inFolders = (endings: readonly string[]): SourceFile[] =>
  FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) => filesUnder(folder, endings));

/** What lies at the root, dot-files such as `.ci/run` and `.env.example` too; the lock is npm's, not ours. */
const atRoot = (): SourceFile[] =>
  [...readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isFile()), { name: '.ci/run' }]
    .map((entry) => entry.name)
    .filter((name) => name !== 'package-lock.json' && name !== '.env' && !name.endsWith('.log'))
    .filter((name) => existsSync(join(ROOT, name)))
    .map((name) => ({ path: name, text: readFileSync(join(ROOT, name), 'utf8') }));

const everything = [...inFolders(TEXT), ...atRoot()];
const code = inFolders(CODE);

function places(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    [...file.text.matchAll(pattern)].map(
      (match) => `${file.path}:${lineOf(file.text, match.index)}: ${match[0].trim()}`,
    ),
  );
}

describe('a tidy house', () => {
  it('has been looked at in full', () => {
    expect(code.length).toBeGreaterThan(50);
    expect(everything.map((file) => file.path)).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        '.ci/run',
        'src/core/ids.ts',
        'test/tidy.test.ts',
      ]),
    );
  });

  it(`keeps every file within ${MAX_LINES.code} lines, tests within ${MAX_LINES.tests}`, () => {
    const long = code
      .map((file) => ({ path: file.path, lines: file.text.trimEnd().split('\n').length }))
      .filter((file) => file.lines > (file.path.startsWith('test/') ? MAX_LINES.tests : MAX_LINES.code));
    expect(long).toEqual([]);
  });

  it('leaves nothing to do later', () => {
    expect(places(code, /\b(?:TO[D]O|FIX[M]E|XX[X])\b|\bnot [i]mplemented\b/gi)).toEqual([]);
  });

  it('skips, focuses and postpones no test', () => {
    expect(
      places(
        code,
        /\b(?:it|test|describe)\.(?:[s]kip|[o]nly|[t]odo|[f]ails)\b|\b(?:xit|xdescribe|fit)\s*\(/g,
      ),
    ).toEqual([]);
  });

  it('has no drawers: barrels, utils, helpers, types', () => {
    const drawers = code.filter((file) =>
      /\/(?:index|utils?|helpers?|types|common|misc)\.ts$/.test(file.path),
    );
    expect(drawers.map((file) => file.path)).toEqual([]);
  });

  it('names no registry or mirror', () => {
    const hosts = registryHosts();
    expect(
      places(everything, /\b(?:registry|npm-registry)\.[a-z0-9-]+(?:\.[a-z0-9-]+)+|\bdeb\.[a-z]+\.org\b/g),
    ).toEqual([]);
    expect(
      everything.flatMap((file) =>
        hosts.filter((host) => file.text.includes(host)).map((host) => `${file.path}: ${host}`),
      ),
    ).toEqual([]);
  });

  it('names no path of one machine and no private address', () => {
    const above = dirname(ROOT.replace(/\/$/, ''));
    const here = above === '/' ? [] : everything.filter((file) => file.text.includes(`${above}/`));
    expect(here.map((file) => file.path)).toEqual([]);
    expect(places(everything, /(?<![\w.@-])\/(?:Users|home|root)\/(?!spark\b)\w+/g)).toEqual([]);
    // Tests of what may reach us name addresses as their data.
    const outsideTests = everything.filter((file) => !file.path.startsWith('test/'));
    expect(places(outsideTests, /\b(?:192\.168|10\.\d{1,3})\.\d{1,3}\.\d{1,3}\b/g)).toEqual([]);
  });
});

/** Where this machine gets its packages from, by its own configuration: names that belong to it and not to the project. */
function registryHosts(): string[] {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const aptFolder = '/etc/apt/sources.list.d';
  const aptFiles = [
    '/etc/apt/sources.list',
    ...(existsSync(aptFolder) ? readdirSync(aptFolder).map((name) => join(aptFolder, name)) : []),
  ].filter((file) => existsSync(file));
  const text = [registry, ...aptFiles.map((file) => readFileSync(file, 'utf8'))].join('\n');
  const hosts = [...text.matchAll(/https?:\/\/(?:[^/@\s]+@)?([^/:\s]+)/g)].map((match) => match[1] ?? '');
  // A dotless or loopback name says nothing about a machine, and would be found in any text.
  return [...new Set(hosts)].filter((host) => host.includes('.') && !/^127\.|^localhost/.test(host));
}

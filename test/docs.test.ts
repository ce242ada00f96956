import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.js';
import { filesUnder, ROOT, type SourceFile } from './support/sourceText.js';

const documents: SourceFile[] = [
  ...readdirSync(ROOT)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ path: name, text: readFileSync(join(ROOT, name), 'utf8') })),
  ...filesUnder('docs', ['.md']),
];
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
    .scripts,
);
const program = createProgram({
  host: { out: () => undefined, err: () => undefined, color: false } as never,
  run: (body) => body().then(() => undefined),
});

/** Folders whose files the documents name in back-ticks; a name may hold no placeholder. */
const NAMED_FILE = /`((?:src|test|docs|deploy|migrations|bench|dashboards|alerts|\.ci)\/[\w./-]*)`/g;

describe('the documents', () => {
  it('have been found', () => {
    expect(documents.map((document) => document.path)).toEqual(
      expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/guarantees.md']),
    );
  });

  it.each(documents.map((document) => [document.path, document] as const))(
    '%s links only to what exists',
    (_, document) => {
      const links = [...document.text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map((match) => match[1]?.split('#')[0] ?? '')
        .filter((link) => link !== '' && !/^[a-z]+:/.test(link));
      const missing = links.filter((link) => !existsSync(join(ROOT, dirname(document.path), link)));
      expect(missing).toEqual([]);
    },
  );

  it.each(documents.map((document) => [document.path, document] as const))(
    '%s names only files that exist',
    (_, document) => {
      const named = [...document.text.matchAll(NAMED_FILE)].map((match) => match[1] ?? '');
      expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    },
  );

  it('name only npm scripts that exist', () => {
    const named = documents.flatMap((document) => [
      ...document.text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g),
    ]);
    expect(named.length).toBeGreaterThan(3);
    expect(named.map((match) => match[1] ?? '').filter((name) => !scripts.includes(name))).toEqual([]);
  });

  it('name only subcommands and options of spark that exist', () => {
    const used = documents.flatMap((document) => [
      ...document.text.matchAll(/^(?:npx )?spark ([a-z]+)([^#\n]*)/gm),
      ...document.text.matchAll(/`(?:npx )?spark ([a-z]+)([^`\n]*)`/g),
    ]);
    expect(used.length).toBeGreaterThan(4);
    for (const [line, name, rest] of used) {
      const group = program.commands.find((candidate) => candidate.name() === name);
      expect(group, line).toBeDefined();
      // `spark preset apply`: the second word may be a command of its own.
      const second = (rest ?? '').trim().split(' ')[0];
      const command = group?.commands.find((candidate) => candidate.name() === second) ?? group;
      for (const [flag] of (rest ?? '').matchAll(/--[a-z-]+/g))
        expect(
          command?.options.map((option) => option.long),
          line,
        ).toContain(flag);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { breaches } from './support/importLaw.js';
import { codeOf, filesUnder, importsOf } from './support/sourceText.js';

const sources = filesUnder('src', ['.ts']);

describe('the import law', () => {
  it('is kept by every source file', () => {
    expect(breaches(sources)).toEqual([]);
  });

  it('has really looked at the sources and their imports', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.flatMap((file) => importsOf(file.text)).length).toBeGreaterThan(100);
  });
});

describe('the law itself', () => {
  const inFile = (path: string, text: string): string[] => breaches([{ path, text }]);

  it.each([
    ['src/core/x.ts', "import { a } from '../streams/a.js';"],
    ['src/projections/x.ts', "import { a } from '../workers/execute.js';"],
    ['src/workers/x.ts', "import type { A } from '../projections/fold.js';"],
    ['src/events/x.ts', "export * from '../http/routes.js';"],
    ['src/http/x.ts', "const m = await import('../app.js');"],
    ['src/roles/x.ts', "import { startPostgresPair } from '../embedded/postgresPair.js';"],
    ['src/runtime/x.ts', "import { runApp } from '../main.js';"],
    ['src/embedded/simulator/x.ts', "import { a } from '../ports.js';"],
    ['src/embedded/x.ts', "import { a } from '../unity/mcp.js';"],
    ['src/workers/x.ts', "import { Client } from 'pg';"],
    ['src/http/x.ts', "import { connect } from 'nats';"],
    ['src/core/x.ts', "import x from 'left-pad';"],
    ['src/util.ts', "import { a } from './core/ids.js';"],
    ['src/http/x.ts', 'const port = process.env.PORT;'],
    ['src/workers/x.ts', 'const now = Date.now();'],
    ['src/workers/x.ts', "import { setTimeout as delay } from 'node:timers/promises';"],
    ['src/streams/x.ts', 'setInterval(() => tick(), 10);'],
  ])('catches a breach in %s: %s', (path, text) => {
    expect(inFile(path, text)).toHaveLength(1);
  });

  it.each([
    ['src/app.ts', "import { a } from './streams/a.js';"],
    ['src/roles/x.ts', "import { Worker } from '../workers/worker.js';"],
    ['src/cli/x.ts', "import { Command } from 'commander';"],
    ['src/unity/x.ts', "import type { EditorGate } from '../workers/editor.js';"],
    ['src/streams/x.ts', "import type { LogSource } from '../projections/ports.js';"],
    ['src/core/clock.ts', 'export const now = () => Date.now();'],
    ['src/workers/x.ts', "// Date.now() is forbidden, and so is import 'pg'\nconst text = 'process.env';"],
  ])('lets pass what is right in %s: %s', (path, text) => {
    expect(inFile(path, text)).toEqual([]);
  });

  it('lets the types and error codes of a port cross, but no function of it', () => {
    const from = "from '../workers/editor.js';";
    expect(inFile('src/unity/x.ts', `import { STALE_TOKEN, type EditorGate } ${from}`)).toEqual([]);
    expect(inFile('src/unity/x.ts', `import { makeGate } ${from}`)).toHaveLength(1);
    expect(inFile('src/unity/x.ts', `import { STALE_TOKEN, makeGate } ${from}`)).toHaveLength(1);
  });
});

describe('reading source text', () => {
  it('tells code from comments, strings, templates and regular expressions', () => {
    const text = [
      "const url = 'http://x'; // setTimeout(1)",
      'const re = /[/"\']/g; const half = a / b;',
      `const t = \`setTimeout( \${inner(\`x\${y}\`)} Date.now\`;`,
      '/* process.env */ real();',
    ].join('\n');
    const code = codeOf(text, 'blank');
    expect(code).not.toMatch(/setTimeout|Date\.now|process\.env/);
    expect(code).toContain('inner(');
    expect(code).toContain('a / b');
    expect(code).toContain('real();');
    expect(code.split('\n')).toHaveLength(4);
  });

  it('finds imports over several lines, re-exports, side effects and dynamic ones', () => {
    const text = `import {\n  a,\n  type B,\n} from './one.js';\nimport type { C } from './two.js';\nimport './three.js';\nexport * from './four.js';\nconst x = await import('./five.js');`;
    expect(importsOf(text).map((found) => [found.specifier, found.typeOnly])).toEqual([
      ['./one.js', false],
      ['./two.js', true],
      ['./three.js', false],
      ['./four.js', false],
      ['./five.js', false],
    ]);
  });
});

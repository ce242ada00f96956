import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBalanced } from '../../src/unity/csharpScan.js';
import { type PlannableChange, planChange } from '../../src/unity/plan.js';
import { isPlannedStep, type PlannedStep } from '../../src/unity/steps.js';
import { applyStep, bothFindBalanced, shaOf } from './support/unityModel.js';

const PATH = 'Assets/Scripts/Foo.cs';
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
const file = (content: string | Buffer | null, meta: Buffer | null = null) =>
  content === null ? null : { bytes: typeof content === 'string' ? utf8(content) : content, meta };

function change(
  before: string | Buffer | null,
  after: string | Buffer | null,
  restore = false,
): PlannableChange {
  return { path: PATH, before: file(before), after: file(after), restore };
}

const was = (): Buffer => utf8('guid: a\n');
const anew = (): Buffer => utf8('guid: b\n');

/** Plans, then runs every step on the model; gives the steps when everything held. */
function walk(asked: PlannableChange): PlannedStep[] {
  const plan = planChange(asked);
  if (!plan.ok) throw new Error(`no plan: ${plan.code} ${plan.message}`);
  expect(plan.waypoints).toHaveLength(plan.steps.length + 1);
  let current: Buffer | null = asked.before === null ? null : Buffer.from(asked.before.bytes);
  expect(shaOf(current)).toBe(plan.waypoints[0]);
  const steps = plan.steps.filter(isPlannedStep);
  expect(steps).toHaveLength(plan.steps.length);
  steps.forEach((step, index) => {
    current = applyStep(current, step);
    expect(shaOf(current)).toBe(plan.waypoints[index + 1]);
    const last = index === steps.length - 1;
    if (step.kind === 'edit' && !last) expect(bothFindBalanced(String(current))).toBe(true);
  });
  expect(current?.toString('hex')).toBe(
    asked.after === null ? undefined : Buffer.from(asked.after.bytes).toString('hex'),
  );
  return steps;
}

/** C# of at least `bytes` bytes, with everything in it that a naive splitter trips over. */
function bigClass(bytes: number, mark: string, eol = '\n'): string {
  const head = [
    '// Größe 🎮',
    'using System;',
    'using UnityEngine;',
    '',
    'namespace Big',
    '{',
    `public class Foo // ${mark}`,
    '{',
  ];
  const lines = [...head];
  for (let n = 0, size = 0; size < bytes; n += 1) {
    const method = [
      `    /* { ${mark} ( [ */ public string M${n}(int a = ${n}, char c = '{')`,
      '    {',
      `        // } not a brace " nor a quote`,
      `        var v = @"C:\\${mark}""{"; var i = $"{a:0} {{ {(a > 1 ? "}" : "{")}";`,
      `        return v + i + "\\"}" + '\\'' + c + "🎮é";`,
      '    }',
    ];
    lines.push(...method);
    size += Buffer.byteLength(method.join(eol));
  }
  return [...lines, '}', '}', ''].join(eol);
}

describe('planChange', () => {
  it('given an absent file and a text, then one create_script with exactly that text', () => {
    const meta = utf8('guid: 0123456789abcdef0123456789abcdef\n');
    const plan = planChange({ path: PATH, before: null, after: file('class A {}\r\n', meta) });
    expect(plan).toMatchObject({ ok: true, waypoints: ['', shaOf(utf8('class A {}\r\n'))] });
    const [step] = walk({ path: PATH, before: null, after: file('class A {}\r\n', meta) });
    expect(step).toMatchObject({ kind: 'create', tool: 'create_script', contents: 'class A {}\r\n', meta });
  });

  it('given a text with a byte order mark, then create keeps it as U+FEFF', () => {
    const [step] = walk(change(null, '\ufeffclass A {}'));
    expect(step).toMatchObject({ kind: 'create', contents: '\ufeffclass A {}' });
  });

  it('given an empty text to create, then a blank line is created and taken away, because Unity would write its template', () => {
    expect(walk(change(null, '')).map((step) => step.kind)).toEqual(['create', 'edit']);
  });

  it('given a text to be deleted, then one delete_script that knows the sha', () => {
    expect(walk(change('class A {}', null))).toMatchObject([
      { kind: 'delete', beforeSha: shaOf(utf8('class A {}')) },
    ]);
  });

  it('given equal contents or nothing on both sides, then no step', () => {
    expect(planChange(change('x', 'x'))).toMatchObject({ ok: true, steps: [] });
    expect(planChange(change(null, null))).toMatchObject({ ok: true, steps: [], waypoints: [''] });
  });

  it('given a restore with another .meta, then that is replaced by a last step of its own, for equal bytes too', () => {
    const [from, to] = [shaOf(utf8('class B {}')), shaOf(utf8('class A {}'))];
    const put = { kind: 'stage', meta: was(), metaBefore: anew(), takesNotice: true };
    for (const path of [PATH, 'Assets/Art/wood.png']) {
      const before = file('class B {}', anew());
      const other = planChange({ path, before, after: file('class A {}', was()), restore: true });
      expect(other).toMatchObject({ waypoints: [from, to, to], steps: [{}, { ...put, beforeSha: to }] });
      const same = planChange({ path, before, after: file('class B {}', was()), restore: true });
      expect(same).toMatchObject({ waypoints: [from, from], steps: [{ ...put, beforeSha: from }] });
    }
  });

  it.each([
    ['no restore', anew(), was(), false],
    ['the .meta that lies there already', was(), was(), true],
    ['one that nobody has seen', null, was(), true],
    ['none', was(), null, true],
  ])('given %s, then no step replaces a .meta', (_what, before, after, restore) => {
    const same = {
      path: PATH,
      before: file('class A {}', before),
      after: file('class A {}', after),
      restore,
    };
    expect(planChange(same)).toMatchObject({ steps: [] });
    const other = planChange({ ...same, after: file('class B {}', after) });
    expect(other).toMatchObject({ steps: [{ kind: 'edit' }] });
  });

  it('given a small change in a large file, then one edit that sends the difference alone', () => {
    const before = bigClass(150_000, 'a');
    const [step, ...more] = walk(change(before, before.replace('M7(int a', 'M7(int b')));
    expect(more).toEqual([]);
    expect(step).toMatchObject({ kind: 'edit', edits: [{ newText: 'b' }, { newText: '' }] });
  });

  it('given a change before the first using, then the file is cut there first', () => {
    const steps = walk(change('// old\nusing System;\nclass A {}\n', '// new\nusing System;\nclass A {}\n'));
    expect(steps.map((step) => step.kind)).toEqual(['edit', 'edit']);
  });

  it('given usings inside a namespace, then what is cut off closes the namespace', () => {
    walk(
      change(
        'namespace A {\n  using System;\n  class B {}\n}\n',
        'namespace C {\n  using System;\n  class B {}\n}\n',
      ),
    );
  });

  it('given a using directive that starts in a comment, then the comment is closed', () => {
    walk(change('class A {} /* x\nusing System;\n */', 'class B {} /* x\nusing System;\n */'));
  });

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('given 200 KB to be replaced by another 200 KB with %s, then a chain of whole texts', (_name, eol) => {
    const steps = walk(change(bigClass(195_000, 'old', eol), bigClass(195_000, 'new', eol)));
    expect(steps.length).toBeGreaterThan(2);
    expect(steps.length).toBeLessThan(9);
  });

  it('given 200 KB with a changed header, then header and chain together', () => {
    walk(change(bigClass(150_000, 'old'), `// other\n${bigClass(190_000, 'new')}`));
  });

  it.each([
    ['one long line', `class A { int[] a = { ${'1, '.repeat(60_000)} }; }`],
    ['one long verbatim string', `class A { string s = @"${'x ""y"" z\n'.repeat(15_000)}"; }`],
    ['one long comment', `class A { /*${' lorem ipsum\n'.repeat(15_000)}*/ }`],
    ['one long line comment', `class A { // ${'lorem ipsum '.repeat(15_000)}\n}`],
    ['one long string', `class A { string s = "${'lorem \\"ipsum '.repeat(15_000)}"; }`],
    ['astral characters alone', `class A { string s = "${'🎮'.repeat(45_000)}"; }`],
  ])('given %s above 64 KB, then it is split inside it', (_name, text) => {
    expect(walk(change('class A {}', text)).length).toBeGreaterThan(1);
  });

  it('given unbalanced text above 64 KB, then it is refused before anything is sent, and staged when it is restored', () => {
    const broken = `${bigClass(190_000, 'new')}}`;
    expect(planChange(change('class A {}', broken))).toMatchObject({ ok: false, code: 'unbalanced_braces' });
    expect(walk(change('class A {}', broken, true)).map((step) => step.kind)).toEqual(['stage']);
  });

  it('given text that has no place to be split, then it is refused', () => {
    const raw = `class A { string s = """\n${'{ x }\n'.repeat(20_000)}"""; }`;
    expect(planChange(change('class A {}', raw))).toMatchObject({ ok: false, code: 'cannot_split' });
  });

  it('given bytes that are no UTF-8 on either side, then the file is staged', () => {
    const latin = Buffer.from([0x2f, 0x2f, 0xe9, 0x0a]);
    expect(walk(change(latin, 'class A {}'))).toMatchObject([{ kind: 'stage' }]);
    expect(walk(change('class A {}', latin))).toMatchObject([{ kind: 'stage' }]);
    expect(walk(change(null, latin))).toMatchObject([{ kind: 'stage', beforeSha: '' }]);
    expect(walk(change(latin, null))).toMatchObject([{ kind: 'delete' }]);
  });

  it('given a file with a byte order mark, then its edits know how Unity sees it and what to write instead', () => {
    const [step] = walk(change('\ufeffusing System;\nclass A {}', '\ufeffusing System;\nclass B {}'));
    expect(step).toMatchObject({
      kind: 'edit',
      marked: {
        markless: shaOf(utf8('using System;\nclass A {}')),
        after: utf8('\ufeffusing System;\nclass B {}'),
      },
    });
  });

  it('given a name that the script tools do not take, then it is refused', () => {
    for (const path of [
      'Assets/my-script.cs',
      'Assets/1A.cs',
      'Assets/a b.cs',
      'Packages/A.cs',
      'Assets/.cs',
    ]) {
      expect(planChange({ ...change(null, 'x'), path })).toMatchObject({
        ok: false,
        code: 'bad_script_path',
      });
    }
  });

  const piece = fc.constantFrom(
    '\n',
    '\r\n',
    '\r',
    '\ufeff',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    '"',
    "'",
    '@"',
    '$"',
    '"""',
    '//',
    '/*',
    '*/',
    '#region x',
    '\\',
    'using System;\n',
    'using A = B.C;\r\n',
    '🎮',
    '🎲',
    'é',
    ' ',
    'class A',
    '\t',
    'x',
  );
  const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));

  it('given any two small texts, then every plan leads to the wanted bytes past every guard', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const plan = planChange(change(before, after));
        if (plan.ok) walk(change(before, after));
        else expect(['unbalanced_braces', 'using_guard', 'cannot_split']).toContain(plan.code);
      }),
      { numRuns: 3_000 },
    );
  });

  it('given a text and a part of it replaced, then one edit unless it touches the header', () => {
    fc.assert(
      fc.property(text, text, text, text, (head, old, tail, fresh) => {
        walk(change(head + old + tail, head + fresh + tail, true));
      }),
      { numRuns: 2_000 },
    );
  });

  it('given large balanced texts of any make, then a chain leads there and every text on the way is balanced', () => {
    const block = fc.constantFrom(
      'void F() { G("}"); }\n',
      'int[] a = { 1, 2 };\r\n',
      '// {{{ ((\n',
      '/* ]]] \n */',
      'var s = @"a""{\n";\n',
      "char c = '}';\n",
      'var t = $"{a} {{ {b[0]}";\n',
      '#region a b\n',
      '🎮🎲();\n',
      'if (x) { y(); }',
      '{ }\r',
      'var r = """\n {{ ( \n""";\n',
      '\t\t\n',
    );
    fc.assert(
      fc.property(fc.array(block, { minLength: 5, maxLength: 40 }), fc.nat({ max: 3 }), (blocks, indent) => {
        const body = blocks.join('').repeat(Math.ceil(150_000 / blocks.join('').length));
        const after = `using System;\nclass A {\n${' '.repeat(indent)}${body}}\n`;
        fc.pre(isBalanced(after));
        expect(walk(change('// x\nusing Old;\nclass A { }\n', after)).length).toBeGreaterThan(1);
      }),
      { numRuns: 25 },
    );
  });
});

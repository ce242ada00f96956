import { beforeAll, describe, expect, it } from 'vitest';
import { generateScript } from '../../src/commands/generateScript.js';
import { LIMITS } from '../../src/commands/limits.js';
import { PRESET_IDS } from '../../src/commands/presetApply.js';
import { loadPresets, type PresetLibrary } from '../../src/presets/library.js';
import { isBalanced } from '../../src/unity/csharpScan.js';
import { type CsharpFile, csharpParser } from '../support/csharpParser.js';

interface Script {
  readonly path: string;
  readonly name: string;
  readonly text: string;
  readonly parsed: CsharpFile;
}

let presets: PresetLibrary;
let parse: (text: string) => CsharpFile;
beforeAll(async () => {
  [presets, parse] = await Promise.all([loadPresets(), csharpParser()]);
});

async function scriptsOf(presetId: string, folder?: string): Promise<Script[]> {
  const files = await presets.files(presetId, folder);
  const scripts = files
    .filter(({ path }) => path.endsWith('.cs'))
    .map(({ path, bytes }) => {
      const text = Buffer.from(bytes).toString('utf8');
      const name = path.slice(path.lastIndexOf('/') + 1, -'.cs'.length);
      return { path, name, text, parsed: parse(text) };
    });
  expect(scripts.length).toBeGreaterThan(10);
  return scripts;
}

/** Our own types whose name is also a word of Unity's or a member's are not looked for. */
const usesType = (script: Script, name: string): boolean => script.parsed.identifiers.has(name);

describe.each([...PRESET_IDS])('the scripts of %s', (presetId) => {
  it('given the C# grammar, then every script is whole, at home and elsewhere', async () => {
    for (const folder of [undefined, 'Assets/Games/My Copy 2']) {
      const broken = (await scriptsOf(presetId, folder)).flatMap(({ path, parsed }) =>
        parsed.problems.map(({ line, text }) => `${path}:${line}: ${text}`),
      );
      expect(broken).toEqual([]);
    }
  });

  it('given the guardrails of unity.generate_script, then every script passes them and its editor takes it', async () => {
    for (const { path, name, text } of await scriptsOf(presetId)) {
      expect(generateScript.safeParse({ name, path, code: text }).error?.issues ?? []).toEqual([]);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.scriptBytes);
      expect(isBalanced(text), path).toBe(true);
    }
  });

  it('given a script, then it declares exactly the type it is named after, in the namespace of its folder', async () => {
    for (const { path, name, parsed } of await scriptsOf(presetId)) {
      expect(
        parsed.types.map((type) => type.name),
        path,
      ).toEqual([name]);
      expect(parsed.types[0]?.modifiers, path).toContain('public');
      const namespace = presets.describe(presetId)?.namespace ?? '';
      expect(parsed.namespaces, path).toEqual([
        path.includes('/Editor/') ? `${namespace}.Editor` : namespace,
      ]);
    }
  });

  it('given two scripts, then their types have different names', async () => {
    const names = (await scriptsOf(presetId)).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('given the order they are written in, then each uses only types of earlier ones: the project compiles at every step', async () => {
    const scripts = await scriptsOf(presetId);
    const tooEarly = scripts.flatMap((script, at) =>
      scripts
        .slice(at + 1)
        .filter((later) => usesType(script, later.name))
        .map((later) => `${script.name} uses ${later.name}`),
    );
    expect(tooEarly).toEqual([]);
    const used = scripts.filter((script, at) =>
      scripts.slice(at + 1).some((later) => usesType(later, script.name)),
    );
    expect(used.length).toBeGreaterThan(5);
  });

  it('given a game script, then only those under Editor/ use UnityEditor', async () => {
    for (const { path, parsed } of await scriptsOf(presetId)) {
      const editorOnly = parsed.usings.some((using) => using.includes('UnityEditor'));
      expect(editorOnly && !path.includes('/Editor/'), path).toBe(false);
    }
  });

  it('given a script that is cut or misspelt, then the same check finds it', async () => {
    const [script] = await scriptsOf(presetId);
    const text = script?.text ?? '';
    const cut = text.slice(0, text.lastIndexOf('}'));
    expect(parse(cut).problems).not.toEqual([]);
    expect(isBalanced(cut)).toBe(false);
    expect(
      parse(text.replace(/\bpublic static\b|\bpublic enum\b|\bpublic sealed\b/, 'pub lic =')).problems,
    ).not.toEqual([]);
  });
});

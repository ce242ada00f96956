import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Language, type Node, Parser } from '@vscode/tree-sitter-wasm';

export interface CsharpProblem {
  readonly line: number;
  readonly text: string;
}

/** What the real C# grammar makes of a text. */
export interface CsharpFile {
  /** Places the grammar cannot read, or where it had to put in what is missing; empty for a whole file. */
  readonly problems: readonly CsharpProblem[];
  readonly namespaces: readonly string[];
  readonly usings: readonly string[];
  /** Types declared directly in the namespace, with their modifiers. */
  readonly types: readonly { readonly name: string; readonly modifiers: readonly string[] }[];
  /** Every identifier in the code, comments and strings left out. */
  readonly identifiers: ReadonlySet<string>;
}

const TYPE_DECLARATIONS = [
  'class_declaration',
  'struct_declaration',
  'enum_declaration',
  'interface_declaration',
];
const DECLARES_TYPE = new Set(TYPE_DECLARATIONS);

/** Loads the grammar; the function it gives back parses one file after another. */
export async function csharpParser(): Promise<(text: string) => CsharpFile> {
  const require = createRequire(import.meta.url);
  const wasm = (name: string) => require.resolve(`@vscode/tree-sitter-wasm/wasm/${name}`);
  await Parser.init({ locateFile: () => wasm('tree-sitter.wasm') });
  const language = await Language.load(await readFile(wasm('tree-sitter-c-sharp.wasm')));
  const parser = new Parser();
  parser.setLanguage(language);
  return (text) => {
    const tree = parser.parse(text);
    if (!tree) throw new Error('the parser gave no tree');
    const file = fileOf(tree.rootNode);
    tree.delete();
    return file;
  };
}

function fileOf(root: Node): CsharpFile {
  const problems: CsharpProblem[] = [];
  const types: { name: string; modifiers: string[] }[] = [];
  const namespaces: string[] = [];
  const usings: string[] = [];
  const identifiers = new Set<string>();
  const visit = (node: Node): void => {
    if (node.isError || node.isMissing)
      problems.push({ line: node.startPosition.row + 1, text: node.text.slice(0, 80) });
    if (node.type === 'identifier') identifiers.add(node.text);
    const name = node.childForFieldName('name')?.text ?? '';
    if (node.type === 'namespace_declaration') namespaces.push(name);
    if (node.type === 'using_directive') usings.push(node.text);
    if (DECLARES_TYPE.has(node.type) && node.parent?.parent?.type === 'namespace_declaration')
      types.push({
        name,
        modifiers: node.children.flatMap((child) => (child?.type === 'modifier' ? child.text : [])),
      });
    for (const child of node.children) if (child) visit(child);
  };
  visit(root);
  return { problems, namespaces, usings, types, identifiers };
}

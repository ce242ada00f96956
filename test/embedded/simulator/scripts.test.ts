import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, sample, simulate, type TestSimulator } from './support.js';

const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const guid = (meta: Buffer): string => /^guid: (\w+)$/m.exec(meta.toString())?.[1] ?? '';
const PATH = 'Assets/Scripts/Foo.cs';

const insert = (line: number, column: number, newText: string) => ({
  startLine: line,
  startCol: column,
  endLine: line,
  endCol: column,
  newText,
});

async function put(simulator: TestSimulator, path: string, bytes: Buffer | string): Promise<string> {
  await writeFile(join(simulator.projects['default'] ?? '', path), bytes);
  return sha(bytes);
}

describe('create_script', () => {
  it('given a new path, the exact bytes, a .meta, parents with .meta and one effect come about', async () => {
    const simulator = await simulate();
    const contents = '\ufeffusing UnityEngine;\r\n// ünï 日本 🎮\r\nclass Foo { }\r\n';
    const meta = { commandId: 'c-1', attempt: 2 };
    const answer = await simulator.tool('create_script', { path: 'Assets/A/B/Foo.cs', contents }, { meta });
    expect(answer.body).toMatchObject({
      success: true,
      data: { uri: 'mcpforunity://path/Assets/A/B/Foo.cs' },
    });
    expect((await simulator.file('Assets/A/B/Foo.cs')).equals(Buffer.from(contents))).toBe(true);
    for (const path of ['Assets/A.meta', 'Assets/A/B.meta', 'Assets/A/B/Foo.cs.meta']) {
      expect(guid(await simulator.file(path))).toMatch(/^[0-9a-f]{32}$/);
    }
    expect(await simulator.effects()).toEqual([
      {
        n: 1,
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        editor: 'default',
        tool: 'create_script',
        path: 'Assets/A/B/Foo.cs',
        beforeSha: null,
        afterSha: sha(contents),
        commandId: 'c-1',
        attempt: 2,
      },
    ]);
    expect((await filesBelow(simulator.state)).filter((file) => file.endsWith('~'))).toEqual([]);
  });

  it('given a file that is there, it refuses, changes nothing and logs nothing', async () => {
    const simulator = await simulate();
    await simulator.tool('create_script', { path: PATH, contents: sample('Foo') });
    const again = await simulator.tool('create_script', { path: PATH, contents: sample('Foo') });
    const sentence = `Script already exists at '${PATH}'. Use 'update' action to modify.`;
    expect(again.isError).toBe(false);
    expect(again.body).toMatchObject({ success: false, error: sentence, code: sentence });
    expect(await simulator.effects()).toHaveLength(1);
  });

  it('given a .meta that lies there already, its guid is kept; after a delete a new file gets a new one', async () => {
    const simulator = await simulate();
    const meta = 'fileFormatVersion: 2\nguid: 0123456789abcdef0123456789abcdef\n';
    await put(simulator, `${PATH}.meta`, meta);
    await simulator.tool('create_script', { path: PATH, contents: sample('Foo') });
    expect((await simulator.file(`${PATH}.meta`)).toString()).toBe(meta);
    await simulator.tool('delete_script', { uri: `mcpforunity://path/${PATH}` });
    await expect(simulator.file(`${PATH}.meta`)).rejects.toThrow('ENOENT');
    await simulator.tool('create_script', { path: PATH, contents: sample('Foo') });
    expect(guid(await simulator.file(`${PATH}.meta`))).not.toBe('0123456789abcdef0123456789abcdef');
  });

  it.each([
    ['Scripts/Foo.cs', 'path_outside_assets'],
    ['/etc/Foo.cs', 'path_outside_assets'],
    ['C:/Assets/Foo.cs', 'path_outside_assets'],
    ['Assets/../Foo.cs', 'bad_path'],
    ['Assets\\..\\..\\Foo.cs', 'bad_path'],
    ['Assets/Foo.txt', 'bad_extension'],
    ['Assets/.cs', 'bad_path'],
  ])('given the path %s, it refuses with %s', async (path, code) => {
    const simulator = await simulate();
    const answer = await simulator.tool('create_script', { path, contents: 'class Foo { }' });
    expect(answer.body).toMatchObject({ success: false, code });
    expect(await simulator.effects()).toEqual([]);
  });

  it('given a bad name or unbalanced code, it refuses', async () => {
    const simulator = await simulate();
    const name = await simulator.tool('create_script', { path: 'Assets/1x.cs', contents: 'class A { }' });
    expect(String(name.body['error'])).toContain("Invalid script name: '1x'");
    const code = await simulator.tool('create_script', { path: PATH, contents: 'class A {' });
    expect(code.body).toMatchObject({ code: 'validation_failed', data: { status: 'validation_failed' } });
  });

  it('given a folder that is a symbolic link out of the project, nothing is written there', async () => {
    const simulator = await simulate();
    const outside = join(simulator.state, 'outside');
    await mkdir(outside);
    await symlink(outside, join(simulator.projects['default'] ?? '', 'Assets/Link'));
    const answer = await simulator.tool('create_script', {
      path: 'Assets/Link/Foo.cs',
      contents: 'class A { }',
    });
    expect(answer.body['success']).toBe(false);
    expect(await filesBelow(outside)).toEqual([]);
  });
});

describe('apply_text_edits', () => {
  const edit = async (simulator: TestSimulator, edits: unknown[], precondition: string | undefined) =>
    simulator.tool('apply_text_edits', {
      uri: `mcpforunity://path/${PATH}`,
      edits,
      ...(precondition === undefined ? {} : { precondition_sha256: precondition }),
      options: { applyMode: 'atomic', refresh: 'debounced' },
    });

  it('given the right precondition, it applies all edits and keeps BOM, CRLF and foreign bytes', async () => {
    const simulator = await simulate();
    const before = Buffer.concat([
      Buffer.from('\ufeffusing X;\r\nclass Ä { }\r\n// '),
      Buffer.from([0xff, 0xfe, 0x0a]),
    ]);
    const precondition = await put(simulator, PATH, before);
    const answer = await edit(simulator, [insert(2, 11, 'int 🎮; '), insert(2, 7, 'B')], precondition);
    const after = await simulator.file(PATH);
    const expected = Buffer.concat([
      Buffer.from('\ufeffusing X;\r\nclass BÄ { int 🎮; }\r\n// '),
      Buffer.from([0xff, 0xfe, 0x0a]),
    ]);
    expect(after.equals(expected)).toBe(true);
    expect(answer.body).toMatchObject({
      success: true,
      message: `Applied 2 text edit(s) to '${PATH}'.`,
      data: { path: PATH, editsApplied: 2, sha256: sha(expected), scheduledRefresh: true },
    });
    expect(await simulator.effects()).toMatchObject([{ beforeSha: sha(before), afterSha: sha(expected) }]);
  });

  it('given no or a stale precondition, it refuses and tells the current sha', async () => {
    const simulator = await simulate();
    const current = await put(simulator, PATH, 'class A { }\n');
    const none = await edit(simulator, [insert(1, 1, ' ')], undefined);
    expect(none.body).toMatchObject({ code: 'precondition_required', data: { current_sha256: current } });
    const stale = await edit(simulator, [insert(1, 1, ' ')], '0'.repeat(64));
    expect(stale.isError).toBe(false);
    expect(stale.body).toEqual({
      success: false,
      code: 'stale_file',
      error: 'stale_file',
      data: { status: 'stale_file', expected_sha256: '0'.repeat(64), current_sha256: current },
    });
    expect((await simulator.file(PATH)).toString()).toBe('class A { }\n');
  });

  it('given edits that overlap, unbalance, exceed 65,536 bytes or touch what is before using, none is applied', async () => {
    const simulator = await simulate();
    const text = '// head\nusing X;\nclass A { int b; }\n';
    const current = await put(simulator, PATH, text);
    const range = (from: number, to: number) => ({ ...insert(3, from, 'x'), endCol: to });
    const codes = [
      (await edit(simulator, [range(1, 6), range(3, 8)], current)).body['code'],
      (await edit(simulator, [insert(3, 11, '{')], current)).body['code'],
      (await edit(simulator, [insert(3, 11, '/'.repeat(65_537))], current)).body['code'],
      (await edit(simulator, [insert(3, 11, '/*'), insert(3, 11, 'ä'.repeat(32_768))], current)).body['code'],
      (await edit(simulator, [insert(1, 1, '// ')], current)).body['code'],
      (await edit(simulator, [insert(9, 1, ' ')], current)).body['code'],
    ];
    expect(codes).toEqual([
      'overlap',
      expect.stringMatching(/^unbalanced_braces at line \d+\./),
      'too_large',
      'too_large',
      'using_guard',
      'apply_text_edits: start out of range (line 9, col 1)',
    ]);
    expect((await simulator.file(PATH)).toString()).toBe(text);
    expect(await simulator.effects()).toEqual([]);
    const just = await edit(simulator, [insert(3, 11, `/*${'x'.repeat(65_532)}*/`)], current);
    expect(just.body['success']).toBe(true);
  });

  it('given edits that change nothing, it says no-op and logs no effect', async () => {
    const simulator = await simulate();
    const current = await put(simulator, PATH, 'class A { }\n');
    const answer = await edit(simulator, [{ ...insert(1, 1, 'class'), endCol: 6 }], current);
    expect(answer.body).toMatchObject({
      success: true,
      data: { no_op: true, editsApplied: 0, sha256: current },
    });
    expect(await simulator.effects()).toEqual([]);
  });
});

describe('the other script tools', () => {
  it('given a script, get_sha, validate_script and manage_script read tell of it and change nothing', async () => {
    const simulator = await simulate();
    const text = `\ufeff${'// ä\r\n'.repeat(4000)}class A { }`;
    const current = await put(simulator, PATH, text);
    const shaAnswer = await simulator.tool('get_sha', { uri: PATH });
    expect(shaAnswer.body).toEqual({
      success: true,
      data: { sha256: current, lengthBytes: Buffer.byteLength(text) },
    });
    const read = await simulator.tool('manage_script', {
      action: 'read',
      name: 'Foo',
      path: 'Assets/Scripts',
    });
    expect(read.body.data?.['contents']).toBe(text);
    const valid = await simulator.tool('validate_script', { uri: PATH });
    expect(valid.body).toEqual({ success: true, data: { warnings: 0, errors: 0 } });
    expect(await simulator.effects()).toEqual([]);
  });

  it('given update, only the editor side takes it: in a batch or over REST, not as an MCP action', async () => {
    const simulator = await simulate();
    await put(simulator, PATH, 'class A { }\n');
    const params = { action: 'update', name: 'Foo', path: 'Assets/Scripts', contents: 'class B { }\n' };
    expect((await simulator.tool('manage_script', params)).isError).toBe(true);
    const batch = await simulator.tool('batch_execute', { commands: [{ tool: 'manage_script', params }] });
    expect(batch.body).toMatchObject({ success: true, data: { callSuccessCount: 1 } });
    expect((await simulator.file(PATH)).toString()).toBe('class B { }\n');
    const rest = await fetch(simulator.url.replace('/mcp', '/api/command'), {
      method: 'POST',
      body: JSON.stringify({ type: 'manage_script', params: { ...params, contents: 'class C { }\n' } }),
    });
    expect(await rest.json()).toMatchObject({ status: 'success', result: { success: true } });
    expect((await simulator.effects()).map(({ tool, path }) => [tool, path])).toEqual([
      ['manage_script', PATH],
      ['manage_script', PATH],
    ]);
  });

  it('given more than 25 commands, a batch is refused; given a failing one, the others stay done', async () => {
    const simulator = await simulate();
    const create = (name: string) => ({
      tool: 'create_script',
      params: { path: `Assets/${name}.cs`, contents: `class ${name} { }` },
    });
    const many = Array.from({ length: 26 }, (_, index) => create(`A${index}`));
    expect((await simulator.tool('batch_execute', { commands: many })).body['success']).toBe(false);
    const mixed = await simulator.tool('batch_execute', {
      commands: [create('A'), create('A'), create('B')],
    });
    expect(mixed.body).toMatchObject({ success: false, data: { callSuccessCount: 2, callFailureCount: 1 } });
    expect((await simulator.effects()).map(({ tool, path }) => [tool, path])).toEqual([
      ['create_script', 'Assets/A.cs'],
      ['create_script', 'Assets/B.cs'],
    ]);
  });

  it('given a restart, projects, guids and the numbering of effects go on', async () => {
    const first = await simulate({ editors: ['default', 'second'] });
    await first.tool('create_script', { path: PATH, contents: sample('Foo') });
    const project = first.projects['default'] ?? '';
    const meta = await readFile(join(project, `${PATH}.meta`), 'utf8');
    const scene = await stat(join(project, 'Assets/Scenes/SampleScene.unity'));
    await first.stop();
    const second = await simulate({ stateDir: first.state });
    expect(Object.keys(second.projects)).toEqual(['default', 'second']);
    await second.tool('delete_script', { uri: PATH });
    expect((await second.effects()).map(({ n, tool }) => [n, tool])).toEqual([
      [1, 'create_script'],
      [2, 'delete_script'],
    ]);
    expect(guid(Buffer.from(meta))).toMatch(/^[0-9a-f]{32}$/);
    expect((await stat(join(project, 'Assets/Scenes/SampleScene.unity'))).mtimeMs).toBe(scene.mtimeMs);
  });
});

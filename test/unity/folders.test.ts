import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import { pruneFolders, readFolders, stageFolders } from '../../src/unity/folders.js';
import { ProjectFolder } from '../../src/unity/projectFolder.js';

describe('folders on the way to a file', () => {
  let root: string;
  let folder: ProjectFolder;
  const tree = () => readdirSync(join(root, 'Assets'), { recursive: true }).map(String).sort();

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'spark-folders-'));
    mkdirSync(join(root, 'Assets/Old'), { recursive: true });
    folder = new ProjectFolder(root);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const made = () => {
    mkdirSync(join(root, 'Assets/Old/A/B'), { recursive: true });
    writeFileSync(join(root, 'Assets/Old/A.meta'), 'guid a');
    writeFileSync(join(root, 'Assets/Old/A/B.meta'), 'guid b');
    return readFolders(folder, ['Assets/Old/A', 'Assets/Old/A/B']);
  };
  const recorded = (contents: ReturnType<typeof made>) =>
    contents.map(({ path, meta }) => ({ path, metaSha256: meta ? sha256(meta) : null }));

  it('names those that are missing, outermost first', () => {
    expect(folder.missingFolders('Assets/Old/A/B/X.cs')).toEqual(['Assets/Old/A', 'Assets/Old/A/B']);
    expect(folder.missingFolders('Assets/Old/X.cs')).toEqual([]);
    expect(folder.missingFolders('Assets/X.cs')).toEqual([]);
  });

  it('given empty ones, takes them away with their .meta; staged again, they are as they were', () => {
    const before = tree();
    const contents = made();
    const after = tree();
    pruneFolders(folder, recorded(contents));
    expect(tree()).toEqual(before);
    stageFolders(folder, contents);
    expect(tree()).toEqual(after);
  });

  it('given some that had no .meta yet when they were recorded, takes away what Unity gave them since', () => {
    const before = tree();
    const paths = made().map(({ path }) => ({ path, metaSha256: null }));
    pruneFolders(folder, paths);
    expect(tree()).toEqual(before);
  });

  it('given one that holds something, leaves it and its parents alone', () => {
    const contents = made();
    writeFileSync(join(root, 'Assets/Old/A/B/Theirs.cs'), '');
    const before = tree();
    pruneFolders(folder, recorded(contents));
    expect(tree()).toEqual(before);
  });

  it('given a .meta that somebody changed, leaves the .meta', () => {
    const contents = made();
    writeFileSync(join(root, 'Assets/Old/A/B.meta'), 'changed');
    pruneFolders(folder, recorded(contents));
    expect(tree()).toContain('Old/A/B.meta');
  });
});

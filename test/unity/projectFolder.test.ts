import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.js';
import { readImageHeader } from '../../src/unity/imageHeader.js';
import { awaitMeta, guidOf } from '../../src/unity/metaFile.js';
import { MAX_FILE_BYTES, ProjectFolder } from '../../src/unity/projectFolder.js';
import { usingBoundary } from '../../src/unity/usingGuard.js';

let root: string;
let folder: ProjectFolder;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spark-project-'));
  mkdirSync(join(root, 'Assets'));
  folder = new ProjectFolder(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('ProjectFolder', () => {
  it('given a file, then its bytes; given none, then absent, also under folders that are not there', () => {
    writeFileSync(join(root, 'Assets', 'A.cs'), 'a');
    expect(folder.read('Assets/A.cs')).toEqual({ kind: 'file', bytes: Buffer.from('a') });
    expect(folder.read('Assets/B.cs')).toEqual({ kind: 'absent' });
    expect(folder.read('Assets/X/Y/B.cs')).toEqual({ kind: 'absent' });
  });

  it('given a write, then the whole file, folders made, no draft left', () => {
    expect(folder.write('Assets/X/A.cs', Buffer.from('new'))).toBeNull();
    expect(readFileSync(join(root, 'Assets', 'X', 'A.cs'), 'utf8')).toBe('new');
    expect(readdirSync(join(root, 'Assets', 'X'))).toEqual(['A.cs']);
  });

  it.each([
    'Assets',
    'Assets/../A.cs',
    '/etc/passwd',
    'Assets//A.cs',
    'Assets/./A.cs',
    'Assets\\A.cs',
    'Library/A.cs',
    'Assets/a\0.cs',
  ])('given the path %j, then refused', (path) => {
    expect(folder.read(path)).toMatchObject({ kind: 'refused', code: 'path_outside_project' });
    expect(folder.write(path, Buffer.from('x'))).toMatchObject({ kind: 'refused' });
  });

  it('given links: one inside the project is followed, one that leads out or nowhere is not', () => {
    mkdirSync(join(root, 'Assets', 'Real'));
    writeFileSync(join(root, 'Assets', 'Real', 'A.cs'), 'a');
    symlinkSync(join(root, 'Assets', 'Real'), join(root, 'Assets', 'In'));
    symlinkSync('..', join(root, 'Assets', 'Out'));
    symlinkSync('missing', join(root, 'Assets', 'Dangling'));
    expect(folder.read('Assets/In/A.cs')).toMatchObject({ kind: 'file' });
    for (const path of ['Assets/Out/A.cs', 'Assets/Out/Assets2/A.cs', 'Assets/Dangling/A.cs']) {
      expect(folder.read(path)).toMatchObject({ kind: 'refused', code: 'path_outside_project' });
    }
  });

  it('given a socket, a folder or a file above the limit, then refused without waiting', async () => {
    const socket = createServer().listen(join(root, 'Assets', 'Socket.cs'));
    await once(socket, 'listening');
    mkdirSync(join(root, 'Assets', 'Folder.cs'));
    writeFileSync(join(root, 'Assets', 'Huge.cs'), '');
    truncateSync(join(root, 'Assets', 'Huge.cs'), MAX_FILE_BYTES + 1);
    expect(folder.read('Assets/Socket.cs')).toMatchObject({ code: 'not_a_regular_file' });
    socket.close();
    expect(folder.read('Assets/Folder.cs')).toMatchObject({ code: 'not_a_regular_file' });
    expect(folder.read('Assets/Huge.cs')).toMatchObject({ code: 'file_too_large' });
  });
});

describe('meta files', () => {
  it('given a .meta, then its guid; anything else has none', () => {
    const guid = '0123456789abcdef0123456789abcdef';
    expect(guidOf(Buffer.from(`fileFormatVersion: 2\r\nguid: ${guid}\r\nMonoImporter:\r\n`))).toBe(guid);
    expect(guidOf(Buffer.from(`x guid: ${guid}\n`))).toBeNull();
    expect(guidOf(Buffer.from('guid: 12\n'))).toBeNull();
  });

  it('given a .meta that comes late, then it is waited for; given none, at most a second', async () => {
    let nowMs = 0;
    const clock: Clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
        if (nowMs === 100) writeFileSync(join(root, 'Assets', 'A.cs.meta'), 'guid');
      },
    };
    await awaitMeta(folder, 'Assets/A.cs', clock, new AbortController().signal);
    expect(nowMs).toBe(100);
    await awaitMeta(folder, 'Assets/B.cs', clock, new AbortController().signal);
    expect(nowMs).toBe(1_100);
  });
});

describe('readImageHeader', () => {
  it('given PNG and JPEG headers, then type and size; given anything else, null', () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d494844520000032000000258', 'hex');
    expect(readImageHeader(png)).toEqual({ mime: 'image/png', widthPx: 800, heightPx: 600 });
    const jpeg = Buffer.from('ffd8ffe000040000ffc000110802580320030122000211010311', 'hex');
    expect(readImageHeader(jpeg)).toEqual({ mime: 'image/jpeg', widthPx: 800, heightPx: 600 });
    expect(readImageHeader(Buffer.from('ffd8ffe0ffff', 'hex'))).toBeNull();
    expect(readImageHeader(Buffer.from('GIF89a'))).toBeNull();
    expect(readImageHeader(png.subarray(0, 20))).toBeNull();
  });
});

describe('usingBoundary', () => {
  it.each([
    ['using A;', 0],
    ['\ufeffusing A;', 0],
    ['// x\nusing A;', 5],
    ['\ufeff// x\nusing A.B;', 6],
    ['// x\n\n  using static A;', 5],
    ['// x\nclass A { void F() { using (var x = y) { } } }', 0],
    ['a\rusing A;\nusing B;', 11],
    ['', 0],
  ])('given %j, then edits may start at %i', (text, boundary) => {
    expect(usingBoundary(text)).toBe(boundary);
  });

  it('given a long run of blank lines, then it is found in time', () => {
    const startedMs = performance.now();
    expect(usingBoundary(`x\n${'\n'.repeat(200_000)}using A;`)).toBe(2);
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});

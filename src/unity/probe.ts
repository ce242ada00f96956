import { sha256 } from '../core/ids.js';
import type { Answer, Probe } from '../workers/editor.js';
import { classify } from './classify.js';
import { isRecord } from './cleanText.js';
import { callTool, type EditorAccess } from './editorAccess.js';
import { guidOf, readMeta } from './metaFile.js';
import { MAX_FILE_BYTES, type ProjectFolder } from './projectFolder.js';
import type { RawReply } from './rawReply.js';
import { scriptUri } from './scriptUri.js';
import { toolAnswerOf } from './toolAnswer.js';

const BOM = '\ufeff';
/** A file that changes between the two reads is looked at again this often. */
const ROUNDS = 3;

/** What lies at `path`, from the disk. */
export function probeFolder(folder: ProjectFolder, path: string): Probe {
  const read = folder.read(path);
  if (read.kind === 'absent') return { state: 'absent', missingFolders: folder.missingFolders(path) };
  if (read.kind === 'refused') return { state: 'refused', code: read.code, message: read.message };
  const meta = readMeta(folder, path);
  const guid = meta === null ? null : guidOf(meta);
  return { state: 'present', content: { bytes: read.bytes, meta }, sha256: sha256(read.bytes), guid };
}

/**
 * What lies at `path`, through Unity: `manage_script read` for the text, `get_sha` for the proof that its UTF-8 bytes are the
 * file's. The `.meta` is out of reach.
 */
export async function probeOverMcp(access: EditorAccess, path: string, signal: AbortSignal): Promise<Probe> {
  // Only scripts have a tool that reads them, and bytes never travel through MCP.
  if (!path.endsWith('.cs')) return noProjectFolder(path);
  for (let round = 0; round < ROUNDS; round += 1) {
    const read = await readScript(access, path, signal);
    const text = textIn(read);
    if (text === null) return probeOf(classify(read));
    const shaReply = await callTool(
      access,
      'get_sha',
      { uri: scriptUri(path) },
      { signal },
      access.timeouts.readMs,
    );
    const shaAnswer = classify(shaReply);
    if (shaAnswer.kind !== 'done') return probeOf(shaAnswer);
    const { sha256: expected } = shaAnswer.data;
    // Some servers read a byte order mark away from the text and not from the sha.
    const bytes = [text, BOM + text]
      .map((one) => Buffer.from(one, 'utf8'))
      .find((one) => sha256(one) === expected);
    if (bytes) return presentWithoutMeta(bytes);
  }
  return {
    state: 'refused',
    code: 'not_text',
    message: `"${path}" is no UTF-8 text (or keeps changing), and the project folder is out of reach`,
  };
}

function noProjectFolder(path: string): Probe {
  const message = `"${path}" cannot be looked at: the project folder of this editor is out of reach; name it in UNITY_EDITORS (editor=Name@hash:folder)`;
  return { state: 'refused', code: 'no_project_folder', message };
}

function presentWithoutMeta(bytes: Buffer): Probe {
  if (bytes.length > MAX_FILE_BYTES) {
    return {
      state: 'refused',
      code: 'file_too_large',
      message: `${bytes.length} bytes, the limit is ${MAX_FILE_BYTES}`,
    };
  }
  return { state: 'present', content: { bytes, meta: null }, sha256: sha256(bytes), guid: null };
}

function readScript(access: EditorAccess, path: string, signal: AbortSignal): Promise<RawReply> {
  const slash = path.lastIndexOf('/');
  const args = {
    action: 'read',
    name: path.slice(slash + 1).replace(/\.cs$/, ''),
    path: path.slice(0, slash),
  };
  return callTool(access, 'manage_script', args, { signal }, access.timeouts.readMs);
}

/** The exact text of a successful read; null for any other answer. Not cleaned: these are the file's characters. */
function textIn(reply: RawReply): string | null {
  if (reply.kind !== 'result') return null;
  const { body, isError } = toolAnswerOf(reply.result);
  if (isError || body?.['success'] !== true || !isRecord(body['data'])) return null;
  const { contents, encodedContents } = body['data'];
  if (typeof contents === 'string') return contents;
  return typeof encodedContents === 'string' ? Buffer.from(encodedContents, 'base64').toString('utf8') : null;
}

/** What an answer other than "here it is" says about the file. */
function probeOf(answer: Answer): Probe {
  switch (answer.kind) {
    case 'stale':
      return { state: 'absent' };
    case 'refused':
      return { state: 'refused', code: answer.code, message: answer.message };
    case 'away':
    case 'not_executed':
      return { state: 'away', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'unknown':
      return { state: 'away', reason: answer.reason, retryAfterMs: 500 };
    default:
      return {
        state: 'away',
        reason: `Unity answered the read in a way SPARK does not know (${answer.kind})`,
        retryAfterMs: 1_000,
      };
  }
}

/** C# scripts as files: create, read, replace, delete, and their sha. Shared by the script tools. */
import { rmSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { type Answer, failed, succeeded } from '../answers.js';
import { checkBalance } from '../balance.js';
import { ensureFolder, ensureMeta, isRegularFile, removeMeta } from '../meta-files.js';
import type { Resolved } from '../project-paths.js';
import { readIfThere, replaceFile, sha256 } from '../safe-write.js';
import type { ToolContext } from '../tool.js';

/** A resolved path, or the answer that refuses it. */
export type Script = Extract<Resolved, { ok: true }>;

export function scriptUri(relative: string): string {
  return `mcpforunity://path/${relative}`;
}

/** Unity's validation before writing: brackets must match. */
function diagnostics(text: string): string[] {
  const balance = checkBalance(text);
  if (balance.balanced) return [];
  return [`ERROR: Unbalanced delimiter at line ${balance.line} (expected '${balance.expected}')`];
}

function validationFailed(found: string[]): Answer {
  return failed('validation_failed', { status: 'validation_failed', diagnostics: found });
}

export function createScript(context: ToolContext, script: Script, contents: string): Answer {
  if (isRegularFile(script.absolute)) {
    return failed(`Script already exists at '${script.relative}'. Use 'update' action to modify.`);
  }
  const name = posix.basename(script.relative, '.cs');
  const text = contents === '' ? defaultScript(name) : contents;
  const found = diagnostics(text);
  if (found.length > 0) return validationFailed(found);
  const bytes = Buffer.from(text, 'utf8');
  context.commit({ path: script.relative, beforeSha: null, afterSha: sha256(bytes) }, () => {
    ensureFolder(dirname(script.absolute), context.editor.assetsRoot);
    replaceFile(script.absolute, bytes);
    ensureMeta(script.absolute, false);
  });
  return succeeded(`Script '${name}.cs' created successfully at '${script.relative}'.`, {
    uri: scriptUri(script.relative),
    scheduledRefresh: false,
  });
}

function defaultScript(name: string): string {
  return (
    'using UnityEngine;\n\n' +
    `public class ${name} : MonoBehaviour\n{\n    void Start()\n    {\n    }\n\n    void Update()\n    {\n    }\n}\n`
  );
}

export function readScript(script: Script): Answer {
  const bytes = readIfThere(script.absolute);
  if (bytes === undefined) return failed(`Script not found at '${script.relative}'.`);
  return succeeded(`Script '${posix.basename(script.relative)}' read successfully.`, {
    uri: scriptUri(script.relative),
    path: script.relative,
    contents: bytes.toString('utf8'),
  });
}

/** Whole-file replacement without a precondition, as Unity's `update` does it. */
export function updateScript(context: ToolContext, script: Script, contents: string): Answer {
  const before = readIfThere(script.absolute);
  if (before === undefined) {
    return failed(`Script not found at '${script.relative}'. Use 'create' action to add a new script.`);
  }
  if (contents === '') return failed("Content is required for the 'update' action.");
  const found = diagnostics(contents);
  if (found.length > 0) return validationFailed(found);
  const after = Buffer.from(contents, 'utf8');
  if (!before.equals(after)) {
    context.commit({ path: script.relative, beforeSha: sha256(before), afterSha: sha256(after) }, () =>
      replaceFile(script.absolute, after),
    );
  }
  const file = posix.basename(script.relative);
  return succeeded(`Script '${file}' updated successfully at '${script.relative}'.`, {
    uri: scriptUri(script.relative),
    path: script.relative,
    scheduledRefresh: true,
  });
}

export function deleteScript(context: ToolContext, script: Script): Answer {
  const before = readIfThere(script.absolute);
  if (before === undefined) return failed(`Script not found at '${script.relative}'. Cannot delete.`);
  context.commit({ path: script.relative, beforeSha: sha256(before), afterSha: null }, () => {
    rmSync(script.absolute);
    removeMeta(script.absolute);
  });
  return succeeded(`Script '${posix.basename(script.relative)}' moved to trash successfully.`, {
    deleted: true,
  });
}

export function shaOfScript(script: Script): Answer {
  const bytes = readIfThere(script.absolute);
  if (bytes === undefined) return failed(`Script not found at '${script.relative}'.`);
  return { success: true, data: { sha256: sha256(bytes), lengthBytes: bytes.length } };
}

export function validateScript(script: Script, withDiagnostics: boolean): Answer {
  const bytes = readIfThere(script.absolute);
  if (bytes === undefined) return failed(`Script not found at '${script.relative}'.`);
  const balance = checkBalance(bytes.toString('utf8'));
  const found = balance.balanced
    ? []
    : [
        {
          line: balance.line,
          col: 0,
          severity: 'error',
          message: `Unbalanced delimiter (expected '${balance.expected}')`,
        },
      ];
  // The editor reports errors as a failure, the server turns only a success into counts.
  if (found.length > 0) return failed('Validation failed.', { diagnostics: found });
  const summary = { warnings: 0, errors: 0 };
  return { success: true, data: withDiagnostics ? { diagnostics: found, summary } : summary };
}

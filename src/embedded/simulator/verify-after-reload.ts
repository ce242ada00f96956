/**
 * How CoplayDev's server makes up for a reply lost in a domain reload: it looks whether the file is there (or gone, or
 * changed) and calls that success. For a create it does not compare the contents, so a create over somebody else's
 * file comes back as `success:true`: the false success that a client must see through.
 */
import type { Answer } from './answers.js';
import { type Resolved, resolveScriptPath, resolveScriptUri, scriptNamed } from './project-paths.js';
import { shaOfFile } from './safe-write.js';

export function verifyAfterReload(root: string, tool: string, args: unknown): Answer | undefined {
  const fields = (typeof args === 'object' && args !== null ? args : {}) as Record<string, unknown>;
  const action = tool === 'manage_script' ? String(fields['action']) : tool;
  const script = locate(root, tool, fields);
  if (!script.ok) return undefined;
  const sha = shaOfFile(script.absolute);
  switch (action) {
    case 'create':
    case 'create_script':
      if (sha === null) return undefined;
      return {
        success: true,
        message: 'Script created (verified after domain reload).',
        data: { path: script.relative },
      };
    case 'delete':
    case 'delete_script':
      if (sha !== null) return undefined;
      return { success: true, message: 'Script deleted (verified after domain reload).' };
    case 'apply_text_edits':
      if (sha === null || sha === fields['precondition_sha256']) return undefined;
      return { success: true, message: 'Edit applied (verified after domain reload).', data: {} };
    default:
      return undefined;
  }
}

function locate(root: string, tool: string, fields: Record<string, unknown>): Resolved {
  if (tool === 'create_script') return resolveScriptPath(root, String(fields['path']));
  if (tool === 'manage_script') return scriptNamed(root, String(fields['path']), String(fields['name']));
  return resolveScriptUri(root, String(fields['uri']));
}

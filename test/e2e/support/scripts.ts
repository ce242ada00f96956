export const GENERATE = 'unity.generate_script';
export const PATCH = 'unity.apply_patch';
export const DELETE = 'unity.delete_script';
export const PREVIEW = 'unity.render_preview';

export const SCRIPT_LIMIT = 204_800;

/** A payload of `unity.generate_script` for a script that is not there yet. */
export const newScript = (name: string) => ({ name, path: `Assets/${name}.cs`, code: `class ${name} {}\n` });
/** The same for a script that may be there. */
export const good = (name: string) => ({
  name,
  path: `Assets/${name}.cs`,
  code: `class ${name} {}\n`,
  overwrite: true,
});
/** An edit that is right and changes nothing. */
export const edit = { startLine: 1, startCol: 1, endLine: 1, endCol: 1, newText: '' };

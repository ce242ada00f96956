import { z } from 'zod';
import { folderPath } from './fields.js';
import { LIMITS } from './limits.js';

export const PRESET_IDS = ['platformer-2d', 'top-down-action', 'visual-novel'] as const;

/** Short enough that every file of a preset has a good path below it. */
export const presetFolder = folderPath.refine(
  (folder) => Buffer.byteLength(folder, 'utf8') <= LIMITS.presetFolderBytes,
  `is longer than ${LIMITS.presetFolderBytes} bytes, which leaves no room for the files below it`,
);

/** Writes a whole small game into a folder, as one unit: all of it or nothing, and undone as one. */
export const presetApply = z.strictObject({
  presetId: z.enum(PRESET_IDS),
  /** A folder under `Assets/`; each preset names its own when absent. */
  targetFolder: presetFolder.optional(),
});

export type PresetApply = z.infer<typeof presetApply>;

import { z } from 'zod';
import { assetPath } from './fields.js';
import { LIMITS } from './limits.js';

/** Build targets as the Unity MCP server names them. */
export const BUILD_TARGETS = ['windows64', 'osx', 'linux64', 'android', 'ios', 'webgl'] as const;
export const BUILD_OPTIONS = ['clean_build', 'strict_mode', 'detailed_report', 'compress_lz4'] as const;

/** Builds a player. The output path is SPARK's choice, made from the command id, so that a build can be found whatever was lost. */
export const runBuild = z.strictObject({
  target: z.enum(BUILD_TARGETS),
  scenes: z
    .array(assetPath(['.unity']))
    .min(1)
    .max(LIMITS.buildScenes)
    .optional(),
  options: z.array(z.enum(BUILD_OPTIONS)).max(BUILD_OPTIONS.length).optional(),
  development: z.boolean().optional(),
});

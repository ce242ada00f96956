import { z } from 'zod';
import { assetPath } from './fields.js';
import { LIMITS } from './limits.js';

const dimension = z.int().min(1).max(LIMITS.previewDimensionPx);

/** One picture of a scene or of one object in it. The answer reports the true size: nothing is scaled up silently. */
export const renderPreview = z.strictObject({
  scenePath: assetPath(['.unity']).optional(),
  gameObject: z.string().min(1).max(256).optional(),
  width: dimension,
  height: dimension,
  format: z.enum(['png', 'jpg']).default('png'),
  mode: z.enum(['fast', 'quality']).default('fast'),
});

export type RenderPreview = z.infer<typeof renderPreview>;

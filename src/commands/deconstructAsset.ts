import { z } from 'zod';
import { assetPath } from './fields.js';

/** Tells what an asset is made of: type, guid, and the object tree of a prefab. */
export const deconstructAsset = z.strictObject({ path: assetPath() });
export type DeconstructAsset = z.infer<typeof deconstructAsset>;

import { z } from 'zod';
import { uuid } from './fields.js';

/** How far a build is; `jobId` is the command id of its `unity.run_build`. */
export const getBuildStatus = z.strictObject({ jobId: uuid });

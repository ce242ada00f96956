import { z } from 'zod';
import { UUID_PATTERN } from '../core/ids.js';
import { checkAssetPath, checkPath } from './assetPath.js';
import { LIMITS } from './limits.js';

/** A path under `Assets/`, checked by the one validator. */
export const assetPath = (extensions?: readonly string[]) =>
  z.string().superRefine((path, context) => {
    const verdict = checkAssetPath(path, extensions);
    if (!verdict.ok) context.addIssue({ code: 'custom', message: `the path ${verdict.reason}` });
  });

export const scriptPath = assetPath(['.cs']);

const pathUnder = (roots: readonly string[]) =>
  z.string().superRefine((path, context) => {
    const verdict = checkPath(path, roots);
    if (!verdict.ok) context.addIssue({ code: 'custom', message: `the path ${verdict.reason}` });
  });

/** A file that lies beside `Assets/` to be taken in. */
export const uploadPath = pathUnder(['Uploads/']);
/** What a service may look at. */
export const mediaPath = pathUnder(['Assets/', 'Uploads/']);
/** A folder under `Assets/`. */
export const folderPath = assetPath();
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');

/** Text whose UTF-8 bytes are limited; lone surrogates are refused because they have no UTF-8 form and would not come back as sent. */
export const utf8Text = (maxBytes: number) =>
  z.string().superRefine((text, context) => {
    const bytes = Buffer.byteLength(text, 'utf8');
    if (bytes > maxBytes)
      context.addIssue({
        code: 'custom',
        message: `is ${bytes} bytes as UTF-8; at most ${maxBytes} are allowed: split it`,
        params: { limit: maxBytes, unit: 'bytes', tooLarge: true },
      });
    else if (!text.isWellFormed())
      context.addIssue({ code: 'custom', message: 'has a lone surrogate, which UTF-8 cannot carry' });
  });

export const scriptText = utf8Text(LIMITS.scriptBytes);
export const uuid = z.string().regex(UUID_PATTERN, 'must be a lower-case UUID');

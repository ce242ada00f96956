import { z } from 'zod';
import { UUID_PATTERN } from '../core/ids.js';
import { checkAssetPath } from './assetPath.js';
import { LIMITS } from './limits.js';

/** A path under `Assets/`, checked by the one validator. */
export const assetPath = (extensions?: readonly string[]) =>
  z.string().superRefine((path, context) => {
    const verdict = checkAssetPath(path, extensions);
    if (!verdict.ok) context.addIssue({ code: 'custom', message: `the path ${verdict.reason}` });
  });

export const scriptPath = assetPath(['.cs']);

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

import { expect, it } from 'vitest';
import { renderEnvExample } from '../../src/cli/files/envExample.js';
import { CONFIG_FIELDS } from '../../src/configFields.js';

// `npm run generate` writes the file; here a stale one fails.
it('.env.example is what the configuration says', async () => {
  await expect(renderEnvExample(CONFIG_FIELDS)).toMatchFileSnapshot('../../.env.example');
});

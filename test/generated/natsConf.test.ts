import { expect, it } from 'vitest';
import { renderNatsConf } from '../../src/cli/files/natsConf.js';

// `npm run generate` writes the file; here a stale one fails.
it('deploy/nats.conf is what the permissions of the roles say', async () => {
  await expect(renderNatsConf()).toMatchFileSnapshot('../../deploy/nats.conf');
});

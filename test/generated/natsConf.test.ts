import { expect, it } from 'vitest';
import { renderNatsClusterConf, renderNatsConf } from '../../src/cli/files/natsConf.js';

// `npm run generate` writes the files; here a stale one fails.
it('deploy/nats.conf is what the permissions of the roles say', async () => {
  await expect(renderNatsConf()).toMatchFileSnapshot('../../deploy/nats.conf');
});

it('deploy/nats-cluster.conf is the same, for one of three servers', async () => {
  await expect(renderNatsClusterConf()).toMatchFileSnapshot('../../deploy/nats-cluster.conf');
});

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { natsPasswordVariable } from '../../src/cli/files/natsConf.js';
import { NATS_PERMISSIONS } from '../../src/streams/permissions.js';
import { ROOT } from '../support/sourceText.js';
import { natsForTests, temporaryFolder } from './support.js';

const PASSWORDS = Object.fromEntries(
  Object.keys(NATS_PERMISSIONS).map((role) => [natsPasswordVariable(role), `secret-of-${role}`]),
);

/** What nats-server itself says of a configuration file, with the certificates it names and these variables. */
async function verdictOn(file: string, variables: Record<string, string>) {
  const dir = temporaryFolder();
  const [key, certificate] = [join(dir, 'server.key'), join(dir, 'server.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', certificate, '-subj', '/CN=nats-1'],
    { stdio: 'ignore' },
  );
  const text = readFileSync(join(ROOT, file), 'utf8')
    .replaceAll('/etc/nats/tls/server.key', key)
    .replaceAll(/\/etc\/nats\/tls\/\w+\.pem/g, certificate);
  const copy = join(dir, 'nats.conf');
  writeFileSync(copy, text);
  const { path } = await natsForTests();
  const { status, stderr } = spawnSync(path, ['-t', '-c', copy], { env: variables, encoding: 'utf8' });
  return { status, said: stderr };
}

describe('the files for a nats-server of your own', () => {
  it('deploy/nats.conf is taken by nats-server', async () => {
    const { status, said } = await verdictOn('deploy/nats.conf', PASSWORDS);
    expect([status, said]).toEqual([0, expect.stringContaining('is valid')]);
  });

  it('deploy/nats-cluster.conf is taken by nats-server', async () => {
    const { status, said } = await verdictOn('deploy/nats-cluster.conf', {
      ...PASSWORDS,
      SPARK_NATS_NAME: 'nats-1',
    });
    expect([status, said]).toEqual([0, expect.stringContaining('is valid')]);
  });

  it('given a password that nobody has set, nats-server refuses it', async () => {
    expect((await verdictOn('deploy/nats-cluster.conf', PASSWORDS)).status).not.toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { chooseInfra, type ExternalUrls } from './support/infraChoice.js';

const NONE: ExternalUrls = { primary: undefined, replica: undefined, nats: undefined };
const ALL: ExternalUrls = { primary: 'postgres://p', replica: 'postgres://r', nats: 'nats://n' };
const docker = (reachable: boolean) => () => Promise.resolve(reachable);

describe('the servers that integration tests use', () => {
  it.each([
    [undefined, ALL, true, 'external'],
    ['auto', NONE, true, 'containers'],
    ['auto', { ...ALL, nats: undefined }, false, 'embedded'],
    ['auto', NONE, false, 'embedded'],
    ['embedded', ALL, true, 'embedded'],
    ['containers', ALL, true, 'containers'],
    ['external', ALL, true, 'external'],
  ])('given SPARK_TEST_INFRA=%s, are the right ones', async (mode, urls, reachable, infra) => {
    expect((await chooseInfra(mode, urls, docker(reachable))).infra).toBe(infra);
  });

  it.each([
    ['external', NONE],
    ['containers', ALL],
    ['docker', ALL],
  ])('given SPARK_TEST_INFRA=%s cannot be had, fail and say why instead of skipping', async (mode, urls) => {
    await expect(chooseInfra(mode, urls, docker(false))).rejects.toThrow('SPARK_TEST_INFRA');
  });
});

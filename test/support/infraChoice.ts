export const INFRA_MODES = ['auto', 'containers', 'embedded', 'external'] as const;
export type InfraMode = (typeof INFRA_MODES)[number];
export type Infra = Exclude<InfraMode, 'auto'>;

/** URLs of servers that somebody else runs: a superuser on Postgres, an account with JetStream on NATS. */
export interface ExternalUrls {
  readonly primary: string | undefined;
  readonly replica: string | undefined;
  readonly nats: string | undefined;
}

/**
 * Which servers the integration tests use, and why. Throws a sentence that says what is missing: nothing is ever skipped.
 * `dockerReachable` is asked only when it matters.
 */
export async function chooseInfra(
  mode: string | undefined,
  urls: ExternalUrls,
  dockerReachable: () => Promise<boolean>,
): Promise<{ infra: Infra; why: string }> {
  const wanted = INFRA_MODES.find((known) => known === (mode ?? 'auto'));
  const haveUrls = Object.values(urls).every((url) => url !== undefined);
  switch (wanted) {
    case 'external':
      if (!haveUrls)
        throw new Error('SPARK_TEST_INFRA=external needs DATABASE_URL, DATABASE_REPLICA_URL and NATS_URL');
      return { infra: 'external', why: 'SPARK_TEST_INFRA says so' };
    case 'containers':
      if (!(await dockerReachable()))
        throw new Error('SPARK_TEST_INFRA=containers, but no Docker engine answers');
      return { infra: 'containers', why: 'SPARK_TEST_INFRA says so' };
    case 'embedded':
      return { infra: 'embedded', why: 'SPARK_TEST_INFRA says so' };
    case 'auto':
      if (haveUrls) return { infra: 'external', why: 'their URLs are in the environment' };
      if (await dockerReachable()) return { infra: 'containers', why: 'a Docker engine answers' };
      return { infra: 'embedded', why: 'no URLs in the environment and no Docker engine answers' };
    case undefined:
      throw new Error(`SPARK_TEST_INFRA is "${mode}"; it may be ${INFRA_MODES.join(', ')}`);
  }
}

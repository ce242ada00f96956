import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/commands/catalogue.js';
import { type Harness, startHarness } from '../support/httpHarness.js';

const execFileAsync = promisify(execFile);
type Json = Record<string, unknown>;
let spark: Harness;
let document: Json;
beforeAll(async () => {
  spark = await startHarness();
  document = (await spark.call('GET', '/openapi.json')).json;
});
afterAll(async () => {
  await spark.server.stop();
});

describe('/openapi.json', () => {
  /** When this differs on purpose: `npx vitest run test/http/openapi.test.ts -u`. */
  it('given the schemas, then the document is the one in docs/', async () => {
    await expect(await formatted(document)).toMatchFileSnapshot('../../docs/openapi.json');
  });

  it('given OpenAPI 3.1, then each command has its payload and every reference leads somewhere', () => {
    expect(document['openapi']).toBe('3.1.0');
    const schemas = (document['components'] as { schemas: Json }).schemas;
    for (const type of Object.keys(CATALOGUE)) expect(Object.keys(schemas)).toContain(`${type}.payload`);
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(Object.keys(schemas)).toContain(name);
    expect(text).not.toContain('$schema');
  });

  it('given the paths, then they are those that are served', () => {
    const served = Object.entries(document['paths'] as Json).map(
      ([path, item]) => `${path} ${Object.keys(item as Json).join(' ')}`,
    );
    expect(served.sort()).toEqual([
      '/v1/commands post get',
      '/v1/commands/{id} get',
      '/v1/commands/{id}/cancel post',
      '/v1/commands/{id}/reconcile post',
      '/v1/dead-letters get',
      '/v1/dead-letters/drop post',
      '/v1/dead-letters/redrive post',
      '/v1/dead-letters/{id} get delete',
      '/v1/dead-letters/{id}/redrive post',
      '/v1/editors get post',
      '/v1/editors/{id} get delete',
      '/v1/editors/{id}/pause post',
      '/v1/editors/{id}/resume post',
      '/v1/frames/{sha} get',
      '/v1/operations get',
      '/v1/operations/{id}/diff get',
      '/v1/presets get',
      '/v1/presets/{id} get',
      '/v1/presets/{id}/apply post',
      '/v1/sessions/{id}/events get',
      '/v1/sessions/{id}/operations get',
      '/v1/sessions/{id}/operations/export get',
      '/v1/sessions/{id}/operations/import post',
      '/v1/sessions/{id}/redo post',
      '/v1/sessions/{id}/rollback post',
      '/v1/sessions/{id}/undo post',
      '/v1/uploads post',
      '/v1/usage post',
    ]);
  });
});

/** As the formatter of the house leaves a JSON file, so that lint and this test agree on its bytes. */
async function formatted(value: unknown): Promise<string> {
  const biome = fileURLToPath(import.meta.resolve('@biomejs/biome/bin/biome'));
  const format = execFileAsync(process.execPath, [biome, 'format', '--stdin-file-path=docs/openapi.json']);
  format.child.stdin?.end(JSON.stringify(value, null, 2));
  return (await format).stdout;
}

import { expect, it } from 'vitest';
import { assetMimeOf } from '../../src/commands/mimeTypes.js';
import { PRESET_IDS } from '../../src/commands/presetApply.js';
import { sessionImport } from '../../src/commands/sessionImport.js';
import { sha256, uuidFrom } from '../../src/core/ids.js';
import { loadPresets } from '../../src/presets/library.js';
import { assetProblem } from '../../src/workers/execute/decideAsset.js';

/** Else the export of a session that applied it could be imported nowhere. */
it.each([...PRESET_IDS])('whatever %s writes may be imported from an export', async (presetId) => {
  const files = await (await loadPresets()).files(presetId, undefined);
  expect(files.length).toBeGreaterThan(20);
  const operations = files.map(({ path, bytes }, index) => ({
    operationId: uuidFrom('operation', index),
    ts: '2030-01-01T00:00:00Z',
    editor: 'default',
    path,
    tool: 'preset.apply',
    state: 'applied',
    before: null,
    after: { sha256: sha256(bytes), bytes: bytes.byteLength, meta: null },
  }));
  expect(sessionImport.safeParse({ operations }).error?.issues ?? []).toEqual([]);
  const refused = files.flatMap(({ path, bytes }) => {
    const mime = assetMimeOf(path);
    const problem = mime && assetProblem(mime, bytes);
    return problem ? [[path, problem]] : [];
  });
  expect(refused).toEqual([]);
});

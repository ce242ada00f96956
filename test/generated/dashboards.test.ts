import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../dashboards/generator/dashboards.js';
import { grafanaDashboard } from '../../dashboards/generator/grafanaModel.js';
import { readSqlPanels } from '../../dashboards/generator/sqlPanel.js';
import { ROOT } from '../support/sourceText.js';

const files = new Map(readSqlPanels().map((panel) => [panel.name, panel]));

// `npm run generate` writes the files; here a stale one fails.
describe('dashboards/grafana', () => {
  it.each(Object.entries(DASHBOARDS))(
    '%s.json is what the SQL files and the panels say',
    async (name, dashboard) => {
      const path = `dashboards/grafana/${name}.json`;
      const text = await formatted(path, grafanaDashboard(dashboard, files));
      await expect(text).toMatchFileSnapshot(`../../${path}`);
    },
  );
});

/** As Biome formats it, so that the file is as tidy as what is written by hand. */
function formatted(path: string, value: unknown): Promise<string> {
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [biome, 'format', `--stdin-file-path=${path}`],
      { cwd: ROOT, maxBuffer: 16 << 20 },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
    child.stdin?.end(JSON.stringify(value));
  });
}

/**
 * Draws the presets' pictures and writes their scenes: `node presets/tools/generate.mjs`. The results are kept in the repository
 * and not made when SPARK starts: another zlib packs the same picture into other bytes, and what a preset writes must be the same
 * bytes before and after an upgrade of Node, or a repeated command would see its own work as somebody else's.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { encodePng } from './png.mjs';
import { SCENES, sceneText } from './scenes.mjs';
import { PIXELS_PER_DOT, TEXTURES } from './textures.mjs';

const presets = new URL('../', import.meta.url);

function write(presetId, file, content) {
  const path = new URL(`${presetId}/${file}`, presets);
  mkdirSync(new URL('./', path), { recursive: true });
  writeFileSync(path, content);
}

for (const [presetId, files] of Object.entries(TEXTURES))
  for (const [file, { draw }] of Object.entries(files))
    write(presetId, file, encodePng(draw().picture, PIXELS_PER_DOT));
for (const [presetId, files] of Object.entries(SCENES))
  for (const file of Object.keys(files))
    write(presetId, file, sceneText(presetId, file, new URL(`${presetId}/`, presets)));

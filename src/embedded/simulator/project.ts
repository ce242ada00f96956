/** A new editor's project folder, as Unity lays one out: a scene, a prefab, a material, settings and a manifest. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureFolder, ensureMeta } from './meta-files.js';
import { replaceFile } from './safe-write.js';
import { emptyScene, type SceneObject, writeScene } from './scene.js';

export const UNITY_VERSION = '6000.0.32f1';

const MANIFEST = {
  dependencies: {
    'com.coplaydev.unity-mcp': '10.1.0',
    'com.unity.test-framework': '1.4.5',
    'com.unity.ugui': '2.0.0',
  },
};

function sampleScene(): SceneObject[] {
  const base = { tag: 'Untagged', active: true, parent: undefined, rotation: [0, 0, 0] } as const;
  return [
    ...emptyScene(),
    {
      ...base,
      id: 120,
      name: 'Ground',
      kind: 'Plane',
      position: [0, 0, 0],
      scale: [1, 1, 1],
      colour: [0.42, 0.55, 0.36],
    },
    {
      ...base,
      id: 130,
      name: 'Player',
      kind: 'Capsule',
      position: [0, 1, 0],
      scale: [1, 1, 1],
      colour: [0.2, 0.5, 0.9],
    },
  ];
}

function samplePrefab(): SceneObject[] {
  const base = { tag: 'Untagged', active: true, rotation: [0, 0, 0] } as const;
  return [
    {
      ...base,
      id: 100,
      name: 'Crate',
      kind: 'Cube',
      parent: undefined,
      position: [0, 0, 0],
      scale: [1, 1, 1],
      colour: [0.6, 0.42, 0.24],
    },
    {
      ...base,
      id: 110,
      name: 'Lid',
      kind: 'Cube',
      parent: 100,
      position: [0, 0.55, 0],
      scale: [1.1, 0.1, 1.1],
      colour: [0.5, 0.34, 0.2],
    },
  ];
}

const MATERIAL =
  '%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n--- !u!21 &2100000\nMaterial:\n  m_Name: Default\n' +
  '  m_SavedProperties:\n    m_Colors:\n    - _Color: {r: 0.8, g: 0.8, b: 0.8, a: 1}\n';

/** Makes what is missing and leaves alone what is there: a project survives any number of starts. */
export function ensureProject(root: string): void {
  const assets = join(root, 'Assets');
  if (existsSync(join(root, 'ProjectSettings', 'ProjectVersion.txt')) && existsSync(assets)) return;
  for (const folder of ['Assets', 'Packages', 'ProjectSettings'])
    mkdirSync(join(root, folder), { recursive: true });
  const put = (relative: string, text: string): void => {
    const file = join(root, relative);
    ensureFolder(join(file, '..'), assets);
    if (!existsSync(file)) replaceFile(file, text);
    ensureMeta(file, false);
  };
  put('Assets/Scenes/SampleScene.unity', writeScene(sampleScene()));
  put('Assets/Prefabs/Crate.prefab', writeScene(samplePrefab()));
  put('Assets/Materials/Default.mat', MATERIAL);
  ensureFolder(join(assets, 'Scripts'), assets);
  replaceFile(join(root, 'Packages', 'manifest.json'), `${JSON.stringify(MANIFEST, null, 2)}\n`);
  // Last, because it says that the project is complete.
  replaceFile(join(root, 'ProjectSettings', 'ProjectVersion.txt'), `m_EditorVersion: ${UNITY_VERSION}\n`);
}

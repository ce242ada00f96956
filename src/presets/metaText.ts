import { guidOf, spriteIdOf } from './identity.js';
import type { PresetTexture } from './manifest.js';

const TAIL = '  userData: \n  assetBundleName: \n  assetBundleVariant: \n';
const head = (path: string): string => `fileFormatVersion: 2\nguid: ${guidOf(path)}\n`;

const IMPORTERS: Readonly<Record<string, string>> = {
  cs:
    'MonoImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n' +
    '  icon: {instanceID: 0}\n',
  txt: 'TextScriptImporter:\n  externalObjects: {}\n',
  json: 'TextScriptImporter:\n  externalObjects: {}\n',
  unity: 'DefaultImporter:\n  externalObjects: {}\n',
  physicsMaterial2D: 'NativeFormatImporter:\n  externalObjects: {}\n  mainObjectFileID: 6200000\n',
};

/** The `.meta` of a file at its final path; undefined for a kind that has none here. */
export function metaText(path: string, texture: PresetTexture | undefined): string | undefined {
  if (texture) return textureMeta(path, texture);
  const importer = IMPORTERS[path.slice(path.lastIndexOf('.') + 1)];
  return importer === undefined ? undefined : `${head(path)}${importer}${TAIL}`;
}

const COMPRESSION = { none: 0, compressed: 1, high_quality: 2 } as const;

/** Sprites of a sheet with point filter, no mipmaps, capped and compressed; full rectangles, so that they can be tiled. */
function textureMeta(path: string, texture: PresetTexture): string {
  const { maxTextureSizePx, pixelsPerUnit } = texture;
  const names = texture.sprites
    .map((name) => `  - first:\n      213: ${spriteIdOf(path, name)}\n    second: ${name}\n`)
    .join('');
  return `${head(path)}TextureImporter:
  internalIDToNameTable:
${names}  externalObjects: {}
  serializedVersion: 11
  mipmaps:
    mipMapMode: 0
    enableMipMap: 0
    sRGBTexture: 1
    linearTexture: 0
    fadeOut: 0
  isReadable: 0
  textureFormat: 1
  maxTextureSize: ${maxTextureSizePx}
  textureSettings:
    serializedVersion: 2
    filterMode: 0
    aniso: 1
    mipBias: 0
    wrapU: 1
    wrapV: 1
    wrapW: 1
  nPOTScale: 0
  lightmap: 0
  compressionQuality: 50
  spriteMode: 2
  spriteExtrude: 1
  spriteMeshType: 0
  alignment: 0
  spritePivot: {x: 0.5, y: 0.5}
  spritePixelsToUnits: ${pixelsPerUnit}
  spriteBorder: {x: 0, y: 0, z: 0, w: 0}
  spriteGenerateFallbackPhysicsShape: 0
  alphaUsage: 1
  alphaIsTransparency: 1
  spriteTessellationDetail: -1
  textureType: 8
  textureShape: 1
  platformSettings:
${platform('DefaultTexturePlatform', texture)}${platform('WebGL', texture)}  spriteSheet:
    serializedVersion: 2
    sprites:
${texture.sprites.map((name, index) => spriteRect(path, texture, name, index)).join('')}    outline: []
    physicsShape: []
    bones: []
    spriteID:${' '}
    internalID: 0
    vertices: []
    indices:${' '}
    edges: []
    weights: []
  spritePackingTag:${' '}
${TAIL}`;
}

function platform(name: string, { maxTextureSizePx, compression }: PresetTexture): string {
  return `  - serializedVersion: 3
    buildTarget: ${name}
    maxTextureSize: ${maxTextureSizePx}
    resizeAlgorithm: 0
    textureFormat: -1
    textureCompression: ${COMPRESSION[compression]}
    compressionQuality: 50
    crunchedCompression: 0
    allowsAlphaSplitting: 0
    overridden: ${name === 'WebGL' ? 1 : 0}
`;
}

/** Unity counts y from the lower edge. */
function spriteRect(path: string, texture: PresetTexture, name: string, index: number): string {
  const [width, height] = texture.cellPx;
  const columns = Math.floor(texture.widthPx / width);
  const x = (index % columns) * width;
  const y = texture.heightPx - (Math.floor(index / columns) + 1) * height;
  return `    - serializedVersion: 2
      name: ${name}
      rect:
        serializedVersion: 2
        x: ${x}
        y: ${y}
        width: ${width}
        height: ${height}
      alignment: 0
      pivot: {x: 0.5, y: 0.5}
      border: {x: 0, y: 0, z: 0, w: 0}
      outline: []
      physicsShape: []
      tessellationDetail: 0
      bones: []
      spriteID: ${guidOf(`${path}#${name}`)}
      internalID: ${spriteIdOf(path, name)}
      vertices: []
      indices:${' '}
      edges: []
      weights: []
`;
}

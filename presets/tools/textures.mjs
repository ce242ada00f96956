/** Every picture of every preset, by its file. */
import * as novel from './novelArt.mjs';
import * as platformer from './platformerArt.mjs';
import * as topDown from './topDownArt.mjs';

/** Texture pixels a dot: one block of DXT or ASTC, so that block compression loses nothing. */
export const PIXELS_PER_DOT = 4;

/** preset → file → {draw, cell: size of a sprite in texture pixels [width, height]} */
export const TEXTURES = {
  'platformer-2d': {
    'Textures/Tiles.png': { draw: platformer.tiles, cell: [64, 64] },
    'Textures/Characters.png': { draw: platformer.characters, cell: [64, 64] },
    'Textures/Background.png': { draw: platformer.background, cell: [1024, 512] },
  },
  'top-down-action': {
    'Textures/Tiles.png': { draw: topDown.tiles, cell: [64, 64] },
    'Textures/Characters.png': { draw: topDown.characters, cell: [64, 64] },
  },
  'visual-novel': {
    'Textures/Classroom.png': { draw: novel.classroom, cell: [1024, 512] },
    'Textures/Street.png': { draw: novel.street, cell: [1024, 512] },
    'Textures/Rooftop.png': { draw: novel.rooftop, cell: [1024, 512] },
    'Textures/Characters.png': { draw: novel.characters, cell: [256, 256] },
  },
};

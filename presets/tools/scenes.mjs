/** The scenes of the presets, laid out as their editor scripts lay them out. */
import { readFileSync } from 'node:fs';
import { Scene, sprite } from './sceneYaml.mjs';

const list = (name, items) => `${name}:${items.map((item) => `\n  - ${item}`).join('')}`;
const sprites = (name, file, ...names) =>
  list(
    name,
    names.map((each) => sprite(file, each)),
  );
const rect = (width, height) =>
  `bounds:\n    serializedVersion: 2\n    x: 0\n    y: 0\n    width: ${width}\n    height: ${height}`;

/** One entry for each run of `merged` letters and for each other letter of a map; y grows upwards. */
function tilesOf(map, merged) {
  const rows = map.trimEnd().split('\n');
  const found = rows.flatMap((line, row) =>
    [...line.matchAll(/(.)\1*/g)].flatMap((run) => {
      const [text, letter] = run;
      const pieces = merged.includes(letter) ? [text.length] : Array.from(text, () => 1);
      return pieces.map((length, index) => ({
        letter,
        length,
        x: run.index + index + length / 2,
        y: rows.length - row - 0.5,
      }));
    }),
  );
  return { tiles: found, width: Math.max(...rows.map((row) => row.length)), height: rows.length };
}

const TILES = 'Textures/Tiles.png';
const CAST = 'Textures/Characters.png';

const PLATFORMER_TILES = {
  G: (scene, at, n) => scene.add('Grass', at).sprite(TILES, 'grass', 0, [n, 1]).box(n, 1),
  '#': (scene, at, n) => scene.add('Ground', at).sprite(TILES, 'dirt', 0, [n, 1]).box(n, 1),
  '=': (scene, at, n) =>
    scene
      .add('One Way Platform', at)
      .sprite(TILES, 'plank', 0, [n, 1])
      .box(n, 0.375, { effector: true, offset: [0, 0.3125] })
      .component('PlatformEffector2D', [
        'm_Enabled: 1',
        'm_UseColliderMask: 1',
        'm_UseOneWay: 1',
        'm_UseOneWayGrouping: 1',
        'm_SurfaceArc: 170',
      ])
      .script('OneWayPlatform'),
  M: (scene, at, n) =>
    scene
      .add('Moving Platform', at)
      .sprite(TILES, 'metal', 0, [n, 1])
      .box(n, 1)
      .body({ bodyType: 1 })
      .script('MovingPlatform'),
  '^': (scene, at, n) =>
    scene
      .add('Spikes', at)
      .sprite(TILES, 'spikes', 0, [n, 1])
      .box(n - 0.3, 0.5, { trigger: true, offset: [0, -0.25] })
      .script('Hazard'),
  o: (scene, at) =>
    scene
      .add('Coin', at)
      .sprite(TILES, 'coin-0', 2)
      .circle(0.4, true)
      .script('Collectible')
      .script('SpriteAnimator', [sprites('frames', TILES, 'coin-0', 'coin-1')]),
  C: (scene, at) =>
    scene
      .add('Checkpoint', at)
      .sprite(TILES, 'flag-down', 1)
      .box(1, 1, { trigger: true })
      .script('Checkpoint', [`raised: ${sprite(TILES, 'flag-up')}`]),
  X: (scene, at) =>
    scene.add('Goal', at).sprite(TILES, 'goal', 1).box(0.6, 1, { trigger: true }).script('Goal'),
};

function platformer(read) {
  const { tiles, width, height } = tilesOf(read('Levels/Level01.txt'), 'G#=M^');
  const scene = new Scene();
  const start = tiles.find(({ letter }) => letter === 'P');
  const camera = scene.camera(Math.max(start.x, 10.7), Math.max(start.y, 6), 6, [0.36, 0.62, 0.87]);
  scene
    .add('Background', { x: width / 2, y: height / 2 })
    .sprite('Textures/Background.png', 'hills', -10, [Math.ceil(width / 32) * 32, 16]);
  const level = scene.add('Level');
  for (const { letter, length, x, y } of tiles)
    PLATFORMER_TILES[letter]?.(scene, { x, y, parent: level }, length);
  const player = scene
    .add('Player', { x: start.x, y: start.y })
    .sprite(CAST, 'idle-0', 5)
    .body({ gravity: 3, material: 'Physics/NoFriction.physicsMaterial2D' })
    .box(0.6, 0.9, { offset: [0, -0.05] })
    .script('SpriteAnimator');
  player.script('PlayerController2D', [
    `animator: ${player.get('SpriteAnimator')}`,
    sprites('idleFrames', CAST, 'idle-0', 'idle-1'),
    sprites('runFrames', CAST, 'run-0', 'run-1'),
    sprites('jumpFrames', CAST, 'jump-0'),
  ]);
  camera.script('CameraFollow2D', [`target: ${player.get('Transform')}`, rect(width, height)]);
  scene
    .add('Game')
    .script('GameManager', [
      `player: ${player.get('PlayerController2D')}`,
      `cameraFollow: ${camera.get('CameraFollow2D')}`,
    ]);
  scene.add('Hud').script('Hud');
  return scene;
}

function addHero(scene, start, pool) {
  const player = scene
    .add('Player', { x: start.x, y: start.y })
    .sprite(CAST, 'hero-down-0', 5)
    .body()
    .circle(0.35)
    .script('Health', ['team: 0', 'maxPoints: 6', 'safeSeconds: 0.8'])
    .script('HitFlash')
    .script('SpriteAnimator');
  player
    .script('PlayerMovement', [
      `animator: ${player.get('SpriteAnimator')}`,
      sprites('downFrames', CAST, 'hero-down-0', 'hero-down-1'),
      sprites('upFrames', CAST, 'hero-up-0', 'hero-up-1'),
      sprites('sideFrames', CAST, 'hero-side-0', 'hero-side-1'),
    ])
    .script('PlayerAttack', [`pool: ${pool.get('ProjectilePool')}`]);
  return player;
}

function topDown(read) {
  const { tiles, width, height } = tilesOf(read('Levels/Arena01.txt'), '#');
  const scene = new Scene();
  const start = tiles.find(({ letter }) => letter === 'P');
  const camera = scene.camera(start.x, start.y, 6, [0.09, 0.08, 0.13]);
  scene.add('Floor', { x: width / 2, y: height / 2 }).sprite(TILES, 'floor', -10, [width, height]);
  const arena = scene.add('Arena');
  const at = ({ x, y }) => ({ x, y, parent: arena });
  for (const tile of tiles.filter(({ letter }) => letter === '#'))
    scene.add('Wall', at(tile)).sprite(TILES, 'wall', 0, [tile.length, 1]).box(tile.length, 1);
  const points = tiles
    .filter(({ letter }) => letter === 'S')
    .map((tile) => scene.add('Spawn Point', at(tile)).sprite(TILES, 'portal', -5));
  const pool = scene.add('Projectiles');
  const bolt = scene
    .add('Projectile', { parent: pool, active: false })
    .sprite(TILES, 'bolt', 6)
    .body()
    .circle(0.18, true)
    .script('Projectile');
  pool.script('ProjectilePool', [`template: ${bolt.get('Projectile')}`]);
  const player = addHero(scene, start, pool);
  const enemies = scene.add('Enemies');
  const slime = scene
    .add('Slime', { parent: enemies, active: false })
    .sprite(CAST, 'slime-0', 4)
    .body()
    .circle(0.35)
    .script('Health')
    .script('HitFlash')
    .script('SpriteAnimator', [sprites('frames', CAST, 'slime-0', 'slime-1'), 'framesPerSecond: 4'])
    .script('EnemyAI');
  enemies.script('EnemySpawner', [
    `template: ${slime.get('EnemyAI')}`,
    `prey: ${player.get('Health')}`,
    list(
      'points',
      points.map((point) => point.get('Transform')),
    ),
  ]);
  const game = scene
    .add('Game')
    .script('GameManager', [
      `player: ${player.get('PlayerMovement')}`,
      `playerHealth: ${player.get('Health')}`,
      `spawner: ${enemies.get('EnemySpawner')}`,
    ]);
  scene.add('Hud').script('Hud', [`game: ${game.get('GameManager')}`]);
  camera.script('CameraFollow', [`target: ${player.get('PlayerMovement')}`, rect(width, height)]);
  return scene;
}

function visualNovel() {
  const scene = new Scene();
  scene.camera(0, 0, 4, [0, 0, 0]);
  const backdrop = scene.add('Backdrop').sprite('Textures/Classroom.png', 'classroom', -10);
  const stage = scene.add('Stage');
  const left = scene.add('Left', { x: -3, y: 1.2, parent: stage }).sprite(CAST, 'mika-calm', 0);
  const right = scene.add('Right', { x: 3, y: 1.2, parent: stage }).sprite(CAST, 'ren-calm', 0);
  const poses = ['Mika', 'Ren'].flatMap((character) =>
    ['calm', 'happy'].map(
      (pose) =>
        `character: ${character}\n    pose: ${pose}\n    sprite: ${sprite(CAST, `${character.toLowerCase()}-${pose}`)}`,
    ),
  );
  stage.script('CharacterStage', [
    `left: ${left.get('SpriteRenderer')}`,
    `right: ${right.get('SpriteRenderer')}`,
    list('poses', poses),
  ]);
  const transition = scene.add('Transition').script('SceneTransition');
  const ui = scene.add('Dialogue UI').script('DialogueUi');
  const places = ['Classroom', 'Street', 'Rooftop'].map(
    (file) =>
      `label: ${file.toLowerCase()}\n    sprite: ${sprite(`Textures/${file}.png`, file.toLowerCase())}`,
  );
  scene
    .add('Story')
    .script('DialogueRunner', [
      'story: {fileID: 4900000, guid: {{guid:Story/story.json}}, type: 3}',
      `ui: ${ui.get('DialogueUi')}`,
      `stage: ${stage.get('CharacterStage')}`,
      `transition: ${transition.get('SceneTransition')}`,
      `backdrop: ${backdrop.get('SpriteRenderer')}`,
      list('backgrounds', places),
    ]);
  return scene;
}

/** preset → file → function of how to read the preset's other files */
export const SCENES = {
  'platformer-2d': { 'Scenes/Platformer.unity': platformer },
  'top-down-action': { 'Scenes/TopDown.unity': topDown },
  'visual-novel': { 'Scenes/VisualNovel.unity': visualNovel },
};

/** A scene's text, from the level files that lie in the preset's folder (a URL ending in "/"). */
export function sceneText(presetId, file, presetFolder) {
  return SCENES[presetId][file]((path) => readFileSync(new URL(path, presetFolder), 'utf8')).toYaml();
}

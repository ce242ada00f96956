/** Sprites and flat cameras of a scene: what a 2D game is made of, as its SpriteRenderer and Camera documents say it. */
export type Fields = ReadonlyMap<string, string>;

export interface SpriteLook {
  /** The texture the sprite lies in. */
  readonly sheet: string;
  /** The sprite within it. */
  readonly id: number;
  /** Width and height in units when it is tiled; undefined: as large as the sprite is. */
  readonly tiled?: readonly [number, number];
  /** What has a higher one is drawn later. */
  readonly order: number;
  readonly flipped: boolean;
}

export interface FlatCamera {
  /** Half the height of what is seen, in units. */
  readonly size: number;
  /** Red, green, blue from 0 to 1. */
  readonly background: readonly [number, number, number];
}

const numberIn = (text: string | undefined, name: string): number | undefined => {
  const found = new RegExp(`\\b${name}: (-?[\\d.eE+-]+)`).exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
};

/** Undefined for a renderer without a sprite. */
export function readSprite(renderer: Fields | undefined): SpriteLook | undefined {
  const reference = renderer?.get('m_Sprite');
  const sheet = /guid: ([0-9a-f]{32})/.exec(reference ?? '')?.[1];
  const id = numberIn(reference, 'fileID');
  if (renderer === undefined || sheet === undefined || id === undefined) return undefined;
  const size = renderer.get('m_Size');
  const [width, height] = [numberIn(size, 'x'), numberIn(size, 'y')];
  const simple = (renderer.get('m_DrawMode') ?? '0') === '0';
  return {
    sheet,
    id,
    ...(simple || width === undefined || height === undefined ? {} : { tiled: [width, height] as const }),
    order: Number(renderer.get('m_SortingOrder') ?? 0),
    flipped: renderer.get('m_FlipX') === '1',
  };
}

/** The `SpriteRenderer` of an object; `owner` is its line about whose it is. */
export function writeSprite(id: number, owner: string, sprite: SpriteLook, colour: string): string {
  const [width, height] = sprite.tiled ?? [1, 1];
  return (
    `--- !u!212 &${id}\nSpriteRenderer:\n${owner}  m_Enabled: 1\n  m_SortingOrder: ${sprite.order}\n` +
    `  m_Sprite: {fileID: ${sprite.id}, guid: ${sprite.sheet}, type: 3}\n  m_Color: ${colour}\n` +
    `  m_FlipX: ${sprite.flipped ? 1 : 0}\n  m_DrawMode: ${sprite.tiled ? 2 : 0}\n  m_Size: {x: ${width}, y: ${height}}\n`
  );
}

/** Undefined for a camera that sees in perspective. */
export function readFlatCamera(camera: Fields | undefined): FlatCamera | undefined {
  if (camera?.get('orthographic') !== '1') return undefined;
  const colour = camera.get('m_BackGroundColor');
  const part = (name: string): number => numberIn(colour, name) ?? 0.2;
  return {
    size: Number(camera.get('orthographic size') ?? 5),
    background: [part('r'), part('g'), part('b')],
  };
}

export function flatCameraText({ size, background: [r, g, b] }: FlatCamera): string {
  return `  m_ClearFlags: 2\n  m_BackGroundColor: {r: ${r}, g: ${g}, b: ${b}, a: 1}\n  orthographic: 1\n  orthographic size: ${size}\n`;
}

/**
 * Writes scenes as Unity's YAML. Fields that are left out keep the component's defaults. What depends on where the preset lands is
 * written as a placeholder that the loader fills: `{{guid:Scripts/Hud.cs}}`, `{{sprite:Textures/Tiles.png#coin-0}}`.
 */
const CLASS_IDS = {
  Transform: 4,
  Camera: 20,
  Rigidbody2D: 50,
  CircleCollider2D: 58,
  BoxCollider2D: 61,
  AudioListener: 81,
  MonoBehaviour: 114,
  SpriteRenderer: 212,
  PlatformEffector2D: 251,
};
const HEADER = '%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n';
/** An object's documents lie at its id and the numbers after it. */
const IDS_PER_OBJECT = 20;
const SPRITE_MATERIAL = '{fileID: 10754, guid: 0000000000000000f000000000000000, type: 0}';

export const vector = (x, y) => `{x: ${x}, y: ${y}}`;
export const sprite = (file, name) => `{{sprite:${file}#${name}}}`;
export const ref = (id) => `{fileID: ${id}}`;
const colour = ([r, g, b]) => `{r: ${r}, g: ${g}, b: ${b}, a: 1}`;

export class Scene {
  objects = [];

  /** A GameObject; components follow by `with…`. */
  add(name, { x = 0, y = 0, z = 0, parent, active = true, tag = 'Untagged' } = {}) {
    const made = new SceneObject(100_000 + this.objects.length * IDS_PER_OBJECT, {
      name,
      x,
      y,
      z,
      parent,
      active,
      tag,
    });
    parent?.children.push(made);
    this.objects.push(made);
    return made;
  }

  camera(x, y, size, background) {
    return this.add('Main Camera', { x, y, z: -10, tag: 'MainCamera' })
      .component('Camera', [
        'm_Enabled: 1',
        'serializedVersion: 2',
        'm_ClearFlags: 2',
        `m_BackGroundColor: ${colour(background)}`,
        'near clip plane: 0.3',
        'far clip plane: 100',
        'field of view: 60',
        'orthographic: 1',
        `orthographic size: ${size}`,
        'm_Depth: -1',
      ])
      .component('AudioListener', ['m_Enabled: 1']);
  }

  toYaml() {
    return HEADER + this.objects.map((each) => each.toYaml(this.objects)).join('');
  }
}

class SceneObject {
  children = [];
  components = [];
  ids = new Map();

  constructor(id, settings) {
    this.id = id;
    this.settings = settings;
    this.transformId = id + 1;
  }

  /** Adds a component and remembers its id under its type (a script's: its class). */
  component(type, lines, name = type) {
    const id = this.id + 2 + this.components.length;
    this.components.push({ id, type, lines });
    this.ids.set(name, id);
    return this;
  }

  sprite(file, name, order, size) {
    return this.component('SpriteRenderer', [
      'm_Enabled: 1',
      `m_Materials:\n  - ${SPRITE_MATERIAL}`,
      'm_SortingLayerID: 0',
      'm_SortingLayer: 0',
      `m_SortingOrder: ${order}`,
      `m_Sprite: ${sprite(file, name)}`,
      `m_Color: ${colour([1, 1, 1])}`,
      'm_FlipX: 0',
      'm_FlipY: 0',
      `m_DrawMode: ${size ? 2 : 0}`,
      `m_Size: ${size ? vector(...size) : vector(1, 1)}`,
      'm_SpriteTileMode: 0',
      'm_WasSpriteAssigned: 1',
    ]);
  }

  box(width, height, { trigger = false, effector = false, offset = [0, 0] } = {}) {
    return this.component('BoxCollider2D', [
      'm_Enabled: 1',
      `m_IsTrigger: ${trigger ? 1 : 0}`,
      `m_UsedByEffector: ${effector ? 1 : 0}`,
      `m_Offset: ${vector(...offset)}`,
      'serializedVersion: 2',
      `m_Size: ${vector(width, height)}`,
    ]);
  }

  circle(radius, trigger = false) {
    return this.component('CircleCollider2D', [
      'm_Enabled: 1',
      `m_IsTrigger: ${trigger ? 1 : 0}`,
      `m_Offset: ${vector(0, 0)}`,
      'serializedVersion: 2',
      `m_Radius: ${radius}`,
    ]);
  }

  /** `bodyType` 0 is dynamic, 1 kinematic; rotation is frozen. */
  body({ bodyType = 0, gravity = 0, material } = {}) {
    return this.component('Rigidbody2D', [
      'serializedVersion: 4',
      `m_BodyType: ${bodyType}`,
      'm_Simulated: 1',
      'm_Mass: 1',
      `m_GravityScale: ${gravity}`,
      `m_Material: ${material ? `{fileID: 6200000, guid: {{guid:${material}}}, type: 2}` : '{fileID: 0}'}`,
      'm_Interpolate: 1',
      'm_SleepingMode: 1',
      'm_CollisionDetection: 1',
      'm_Constraints: 4',
    ]);
  }

  /** `name` is the class of a script under Scripts/; `lines` its serialized fields. */
  script(name, lines = []) {
    return this.component(
      'MonoBehaviour',
      [
        'm_Enabled: 1',
        'm_EditorHideFlags: 0',
        `m_Script: {fileID: 11500000, guid: {{guid:Scripts/${name}.cs}}, type: 3}`,
        'm_Name: ',
        'm_EditorClassIdentifier: ',
        ...lines,
      ],
      name,
    );
  }

  /** A component of this object as others refer to it. */
  get(name) {
    const id = name === 'Transform' ? this.transformId : this.ids.get(name);
    if (id === undefined) throw new RangeError(`${this.settings.name} has no ${name}`);
    return ref(id);
  }

  toYaml(all) {
    const { name, x, y, z, parent, active, tag } = this.settings;
    const roots = all.filter((each) => !each.settings.parent);
    const order = (parent?.children ?? roots).indexOf(this);
    const own = [`m_GameObject: ${ref(this.id)}`];
    const children = this.children.map((child) => `\n  - ${ref(child.transformId)}`).join('');
    const documents = [
      [
        1,
        this.id,
        'GameObject',
        [
          'm_ObjectHideFlags: 0',
          'serializedVersion: 6',
          `m_Component:${[this.transformId, ...this.components.map(({ id }) => id)].map((id) => `\n  - component: ${ref(id)}`).join('')}`,
          'm_Layer: 0',
          `m_Name: ${name}`,
          `m_TagString: ${tag}`,
          `m_IsActive: ${active ? 1 : 0}`,
        ],
      ],
      [
        CLASS_IDS.Transform,
        this.transformId,
        'Transform',
        [
          ...own,
          'm_LocalRotation: {x: 0, y: 0, z: 0, w: 1}',
          `m_LocalPosition: {x: ${x}, y: ${y}, z: ${z}}`,
          'm_LocalScale: {x: 1, y: 1, z: 1}',
          `m_Children:${children || ' []'}`,
          `m_Father: ${ref(parent?.transformId ?? 0)}`,
          `m_RootOrder: ${order}`,
          'm_LocalEulerAnglesHint: {x: 0, y: 0, z: 0}',
        ],
      ],
      ...this.components.map(({ id, type, lines }) => [CLASS_IDS[type], id, type, [...own, ...lines]]),
    ];
    return documents
      .map(
        ([classId, id, type, lines]) =>
          `--- !u!${classId} &${id}\n${type}:\n${lines.map((line) => `  ${line}\n`).join('')}`,
      )
      .join('');
  }
}

/** What Unity says an asset is; texts are cleaned and capped. */
export interface AssetDescription {
  readonly path: string;
  /** 32 hex digits; null when Unity has not imported it. */
  readonly guid: string | null;
  /** Unity's type, e.g. `UnityEngine.Texture2D`. */
  readonly assetType: string;
  readonly name: string;
  readonly isFolder: boolean;
  /** Of what loads as a GameObject (prefabs, models): the types of its root's components. */
  readonly components?: readonly string[];
  readonly prefab?: PrefabDescription;
}

export interface PrefabDescription {
  /** `Regular`, `Variant`, `Model`. */
  readonly kind: string;
  /** The prefab that a variant is made from. */
  readonly parent: string | null;
  readonly totalObjects: number;
  /** The first of them, parents before children; fewer than `totalObjects` where there are too many to tell. */
  readonly objects: readonly PrefabObject[];
}

export interface PrefabObject {
  /** Names from the root down, joined by "/". */
  readonly path: string;
  readonly active: boolean;
  readonly components: readonly string[];
  readonly children: number;
}

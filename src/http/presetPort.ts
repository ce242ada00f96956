/** A preset as HTTP shows it; paths are those in the project when no other folder is asked for. */
export interface PresetDetails {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Where it goes when nobody says otherwise. */
  readonly targetFolder: string;
  readonly namespace: string;
  /** In the order they are written. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  readonly totalBytes: number;
  readonly scenes: readonly string[];
  readonly assets: readonly {
    readonly path: string;
    readonly kind: 'texture';
    readonly widthPx: number;
    readonly heightPx: number;
    readonly maxTextureSizePx: number;
    readonly filter: 'point';
    readonly compression: string;
    readonly pixelsPerUnit: number;
    readonly sprites: readonly string[];
  }[];
  readonly build: {
    readonly target: string;
    readonly compression: string;
    readonly initialMemoryMb: number;
    readonly maxMemoryMb: number;
    readonly quality: string;
    readonly template: string;
    readonly scenes: readonly string[];
  };
}

/** The presets there are; src/presets serves it, the role joins the two. They do not change while SPARK runs. */
export interface PresetCatalogue {
  list(): readonly PresetDetails[];
  describe(presetId: string): PresetDetails | undefined;
}

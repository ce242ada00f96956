/** One file of a preset as it shall lie in the project. */
export interface PresetFile {
  /** Project-relative, under the target folder. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /**
   * Identity and import settings that the file brings along; null: Unity makes its own. Scripts have one too: the scene refers to
   * them by GUID, so it must lie there before Unity imports the script.
   */
  readonly meta: Uint8Array | null;
}

/** The presets a worker can apply; src/presets serves it, the role joins the two. */
export interface PresetPort {
  /** The files of a preset under a folder (its own when undefined), in the order they are written; the same at every call. */
  files(presetId: string, targetFolder: string | undefined): Promise<readonly PresetFile[]>;
}

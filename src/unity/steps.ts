import type { ChangeStep } from '../workers/editor.js';
import type { TextEdit } from './textEdit.js';

/** The steps behind the port's opaque `ChangeStep`. Shas are of the file's bytes; "" stands for absent. */
export type PlannedStep = CreateStep | DeleteAssetStep | DeleteStep | EditStep | ImportModelStep | StageStep;

/** Create-if-absent through `create_script`, which writes the contents as UTF-8. */
export interface CreateStep extends ChangeStep {
  readonly kind: 'create';
  readonly tool: 'create_script';
  readonly contents: string;
  /** Laid down before the script, so that Unity keeps its guid. */
  readonly meta: Uint8Array | null;
}

/** `delete_script`, which has no precondition of its own: the gate compares the sha right before, under its lock. */
export interface DeleteStep extends ChangeStep {
  readonly kind: 'delete';
  readonly tool: 'delete_script';
  readonly beforeSha: string;
}

/** A compare-and-set through `apply_text_edits`. */
export interface EditStep extends ChangeStep {
  readonly kind: 'edit';
  readonly tool: 'apply_text_edits';
  readonly beforeSha: string;
  readonly edits: readonly TextEdit[];
  /**
   * Only when the text to be edited begins with a byte order mark. Unity reads such a file without the mark, so its sha is
   * `markless`, and it would write the result without it: then the gate writes `after` itself.
   */
  readonly marked: { readonly markless: string; readonly after: Uint8Array } | null;
}

/** The gate writes the file on the editor's disk and has Unity import it: for bytes that no text tool can carry. */
export interface StageStep extends ChangeStep {
  readonly kind: 'stage';
  readonly takesNotice: true;
  readonly tool: 'manage_asset';
  readonly beforeSha: string;
  readonly bytes: Uint8Array;
  readonly meta: Uint8Array | null;
  /** The `.meta` that `meta` may replace, of a file that stays. */
  readonly metaBefore?: Uint8Array | null;
}

/** `import_model_file`: a model that is new, staged outside Assets, copied in by Unity's importer. */
export interface ImportModelStep extends ChangeStep {
  readonly kind: 'import_model';
  readonly tool: 'import_model_file';
  readonly bytes: Uint8Array;
}

/** `manage_asset delete`: any asset that is no script. */
export interface DeleteAssetStep extends ChangeStep {
  readonly kind: 'delete_asset';
  readonly tool: 'manage_asset';
  readonly beforeSha: string;
}

/** Whether a step came from this module's planner (the port's type says too little to run it). */
export function isPlannedStep(step: ChangeStep): step is PlannedStep {
  return 'kind' in step;
}

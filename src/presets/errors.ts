import { SparkError } from '../core/errors.js';

/** A preset's own files are not as they should be: found at start, so that nobody is handed half a game. */
export class PresetBrokenError extends SparkError {
  readonly code = 'preset_broken';
}

/** The folder asked for cannot hold the preset. */
export class PresetTargetError extends SparkError {
  readonly code = 'invalid_path';
}

/** No preset has this id. */
export class UnknownPresetError extends SparkError {
  readonly code = 'unknown_preset';
}

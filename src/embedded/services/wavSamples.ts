import { ServiceError } from './errors.js';

/** What the acoustic model was trained on. */
export const WANTED_RATE = 16_000;

/** The recogniser hears about five times as fast as people speak, and a caller waits 60 s. */
export const LIMIT_SECONDS = 240;
/** Outside of these nobody records, and the arithmetic below would take or make too much. */
const MIN_RATE = 4_000;
const MAX_RATE = 192_000;
const MAX_CHANNELS = 32;
const MAX_CHUNKS = 1_000;

export const tooLong = (what: string): ServiceError =>
  new ServiceError(
    422,
    'recording_too_long',
    `the recording ${what}; the reference engine takes ${LIMIT_SECONDS} s at most: split it, or set ASR_SERVICE_URL`,
  );

/** A WAV of 16-bit PCM as one channel at 16 kHz, −32,768 to 32,767. Throws `ServiceError`, before it makes anything of its size. */
export function samplesOf(wav: Buffer): Int16Array {
  const { channels, rate, data } = chunksOf(wav);
  if (rate < MIN_RATE || rate > MAX_RATE || channels > MAX_CHANNELS)
    throw new ServiceError(
      422,
      'unreadable_media',
      `the recording has ${channels} channels of ${rate} Hz; up to ${MAX_CHANNELS} of ${MIN_RATE} to ${MAX_RATE} Hz are heard`,
    );
  const frames = Math.floor(data.length / (2 * channels));
  if (frames / rate > LIMIT_SECONDS) throw tooLong(`lasts ${Math.ceil(frames / rate)} s`);
  const mono = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += data.readInt16LE((frame * channels + channel) * 2);
    mono[frame] = sum / channels;
  }
  return resampled(mono, rate);
}

function chunksOf(wav: Buffer): { channels: number; rate: number; data: Buffer } {
  let channels = 0;
  let rate = 0;
  let at = 12;
  for (let chunks = 0; at + 8 <= wav.length && chunks < MAX_CHUNKS; chunks++) {
    const name = wav.toString('latin1', at, at + 4);
    const size = wav.readUInt32LE(at + 4);
    if (name === 'fmt ' && at + 24 <= wav.length) {
      channels = wav.readUInt16LE(at + 10);
      rate = wav.readUInt32LE(at + 12);
    }
    if (name === 'data' && channels > 0 && rate > 0)
      return { channels, rate, data: wav.subarray(at + 8, Math.min(wav.length, at + 8 + size)) };
    at += 8 + size + (size & 1);
  }
  throw new ServiceError(422, 'unreadable_media', 'the recording has no sound in it');
}

/** Down: the mean of what falls into a sample, which keeps high tones from folding over. Up: straight lines. */
function resampled(mono: Float32Array, rate: number): Int16Array {
  const step = rate / WANTED_RATE;
  const out = new Int16Array(Math.floor(mono.length / step));
  for (let index = 0; index < out.length; index++) {
    const at = index * step;
    out[index] = Math.round(step > 1 ? meanOf(mono, at, at + step) : between(mono, at));
  }
  return out;
}

function meanOf(mono: Float32Array, from: number, to: number): number {
  let sum = 0;
  let count = 0;
  for (let at = Math.floor(from); at < to && at < mono.length; at++) {
    sum += mono[at] ?? 0;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

function between(mono: Float32Array, at: number): number {
  const left = mono[Math.floor(at)] ?? 0;
  const right = mono[Math.floor(at) + 1] ?? left;
  return left + (right - left) * (at % 1);
}

/** Samples [start, end). */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

const WINDOW = WANTED_RATE / 50;
/** Below this (of 32,768) nobody speaks. */
const SILENCE_RMS = 100;
/** A pause of 0.4 s ends a piece that is long enough to be told apart; 20 s end any. */
const PAUSE_WINDOWS = 20;
const MIN_PIECE_WINDOWS = 100;
const MAX_PIECE_WINDOWS = 1_000;
const MARGIN_WINDOWS = 10;

/** Where somebody speaks, in pieces that end in pauses: the recogniser wants sentences. None in silence. */
export function splitAtPauses(samples: Int16Array): Piece[] {
  const pieces: Piece[] = [];
  const windows = Math.floor(samples.length / WINDOW);
  let first = -1;
  let loud = -1;
  const end = (upTo: number): void => {
    if (first === -1) return;
    const start = Math.max(pieces.at(-1)?.end ?? 0, (first - MARGIN_WINDOWS) * WINDOW, 0);
    pieces.push({ start, end: Math.min(samples.length, upTo * WINDOW) });
    first = -1;
  };
  for (let window = 0; window < windows; window++) {
    if (rmsOf(samples, window * WINDOW) >= SILENCE_RMS) {
      if (first === -1) first = window;
      loud = window;
    }
    const length = window - first;
    const paused = window - loud >= PAUSE_WINDOWS && length >= MIN_PIECE_WINDOWS;
    if (first !== -1 && (paused || length >= MAX_PIECE_WINDOWS)) end(Math.min(window, loud + MARGIN_WINDOWS));
  }
  end(Math.min(windows, loud + MARGIN_WINDOWS));
  return pieces;
}

function rmsOf(samples: Int16Array, from: number): number {
  let sum = 0;
  for (let at = from; at < from + WINDOW; at++) sum += (samples[at] ?? 0) ** 2;
  return Math.sqrt(sum / WINDOW);
}

import type { CommandType } from '../../../src/commands/catalogue.js';
import type { CompletedEvent, OperationMove } from '../../../src/events/event.js';
import { type Random, someSha } from './random.js';
import type { Session } from './session.js';

/** A command's payload as the envelope repeats it: texts above 1 KB are hashes there. */
export interface Payload {
  readonly path?: string;
  readonly [field: string]: unknown;
}

export type Answer = Pick<CompletedEvent, 'result'> & Partial<Pick<CompletedEvent, 'preview' | 'build'>>;

const MODELS = ['opus-large', 'sonnet-medium', 'haiku-small', 'local-8b'] as const;
const SCENES = [
  'Assets/Scenes/Main.unity',
  'Assets/Scenes/Level1.unity',
  'Assets/Scenes/Menu.unity',
] as const;
const SIZES = [512, 640, 1_024] as const;
const MICRO_USD = 1_000_000;

export function payloadOf(random: Random, session: Session, type: CommandType): Payload {
  const longText = () => ({ sha256: someSha(random), bytes: random.between(1_100, 9_000) });
  switch (type) {
    case 'unity.generate_script': {
      const path = session.path(random, random.chance(0.3));
      return { name: path.slice(path.lastIndexOf('/') + 1, -3), path, code: longText(), overwrite: true };
    }
    case 'unity.apply_patch':
      return {
        path: session.path(random, true),
        edits: [{ find: 'speed = 4f', replace: `speed = ${random.between(5, 99)}f` }],
      };
    case 'unity.delete_script':
      return { path: session.path(random, true) };
    case 'unity.deconstruct_asset':
      return { path: `Assets/Art/Tile${random.between(1, 90)}.png` };
    case 'unity.render_preview': {
      const mode = random.chance(0.7) ? 'fast' : 'quality';
      return { scenePath: random.pick(SCENES), width: random.pick(SIZES), height: 512, format: 'png', mode };
    }
    case 'unity.run_build':
      return { target: 'WebGL', development: random.chance(0.5) };
    case 'unity.get_build_status':
      return { jobId: random.uuid() };
    case 'unity.call_tool':
      return { tool: 'manage_scene', arguments: { action: 'get_hierarchy', depth: 2 } };
    case 'usage.report':
      return {
        model: random.pick(MODELS),
        inputTokens: random.between(200, 60_000),
        outputTokens: random.between(20, 4_000),
        costUsd: random.between(100, 900_000) / MICRO_USD,
      };
    case 'session.undo':
    case 'session.redo':
      return {};
    default:
      return { path: `Uploads/${random.hex(4)}.png`, mime: 'image/png', mode: 'fast' };
  }
}

/** What its end carries, besides the file change `move` made. */
export function answerOf(
  random: Random,
  type: CommandType,
  payload: Payload,
  move: OperationMove | undefined,
  cached: boolean,
): Answer {
  if (move !== undefined) return { result: resultOfMove(move) };
  switch (type) {
    case 'unity.render_preview':
      return previewAnswer(random, payload, cached);
    case 'unity.run_build': {
      const totalBytes = random.between(2_000_000, 60_000_000);
      const build = {
        outputPath: 'Builds/WebGL',
        target: 'WebGL',
        platform: 'webgl',
        totalBytes,
        durationMs: 41_000,
        warnings: 3,
      };
      return { result: { ...build }, build };
    }
    case 'usage.report':
      return { result: { ...payload } };
    case 'unity.get_build_status':
      return { result: { jobId: payload['jobId'], state: 'completed', progress: 1 } };
    case 'unity.deconstruct_asset':
      return {
        result: { path: payload.path, kind: 'texture', widthPx: 512, heightPx: 512, dependencies: [] },
      };
    case 'unity.call_tool':
      return {
        result: { tool: payload['tool'], text: 'Main Camera, Directional Light, Player, Ground, Canvas' },
      };
    default:
      return { result: { path: payload.path, text: `Score ${random.between(0, 99_999)}`, confidence: 0.97 } };
  }
}

function resultOfMove({ direction, operation }: OperationMove): Record<string, unknown> {
  const { operationId, path, editor, before, after } = operation;
  const [from, to] = direction === 'undo' ? [after, before] : [before, after];
  return {
    ...{ operationId, path, editor },
    sha256: to?.sha256 ?? null,
    bytes: to?.bytes ?? null,
    beforeSha256: from?.sha256 ?? null,
    ...(to?.meta?.guid ? { guid: to.meta.guid } : {}),
  };
}

function previewAnswer(random: Random, payload: Payload, cached: boolean): Answer {
  const frameSha256 = someSha(random);
  const widthPx = Number(payload['width']);
  const heightPx = Number(payload['height']);
  const picture = { mime: 'image/png', bytes: random.between(20_000, 400_000), widthPx, heightPx, cached };
  return {
    result: { frameRef: `/v1/frames/${frameSha256}`, sha256: frameSha256, ...picture },
    preview: {
      ...{ frameSha256, ...picture },
      requestedWidthPx: widthPx,
      requestedHeightPx: heightPx,
      scenePath: String(payload['scenePath']),
      gameObject: null,
      mode: String(payload['mode']),
    },
  };
}

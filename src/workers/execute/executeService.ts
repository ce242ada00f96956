import type { AsrTranscribe } from '../../commands/asrTranscribe.js';
import { definitionOf } from '../../commands/catalogue.js';
import type { CvClassify, CvOcr, CvOcv } from '../../commands/cv.js';
import { LIMITS } from '../../commands/limits.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { tryAgain } from '../lanes/tryAgain.js';
import type { MediaFile, MediaServices } from '../servicesPort.js';
import { capServiceResult } from './capServiceResult.js';
import { mediaProblem } from './checkMedia.js';
import type { ExecuteContext } from './executeContext.js';
import { readMedia } from './readMedia.js';

/** All places for files are taken: they are held for as long as a call lasts. */
const NO_ROOM_MS = 500;

type ServicePayload = CvOcr | CvOcv | CvClassify | AsrTranscribe;

/**
 * cv.* and asr.transcribe: read the file, judge it by its own bytes, ask the service. Reads only, so whatever was lost may be asked again;
 * a service that is away holds the session without spending an attempt.
 */
export async function executeService(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { command } = task;
  const { services } = context;
  if (!services)
    return failed('failed', {
      code: 'service_not_configured',
      message: 'this worker has no services: set CV_SERVICE_URL and ASR_SERVICE_URL (docs/services.md)',
    });
  const away = services.away(command.type);
  if (away) return { kind: 'hold', reason: away.reason, retryAfterMs: away.retryAfterMs };
  const work = () => readAndAsk(task, services, context, signal);
  const verdict = await services.withRoom(command.type, work, signal);
  return verdict === 'full'
    ? { kind: 'hold', reason: 'as many files are looked at already as may be', retryAfterMs: NO_ROOM_MS }
    : verdict;
}

/** From the first byte in memory to the last. */
async function readAndAsk(
  task: Task,
  services: MediaServices,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { command } = task;
  // Parsed again because the payload travels as it was sent: defaults are filled in where it is used.
  const payload = definitionOf(command.type)?.schema.parse(command.payload) as ServicePayload;
  const read = await readChecked(task, payload, context, signal);
  if ('kind' in read) return read;
  if (!task.started) await context.recordStarted(task, null);
  context.faultPoint('after_intent');
  return ask(task, payload, read, services, context, signal);
}

/** The file, checked; or how the command goes on without it. */
async function readChecked(
  task: Task,
  { path, mime }: ServicePayload,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<MediaFile | Verdict> {
  const { type, editor } = task.command;
  const maxBytes = type.startsWith('asr.') ? LIMITS.asrBytes : LIMITS.cvBytes;
  const read = await readMedia(context, editor, path, maxBytes, signal);
  switch (read.state) {
    case 'away':
      return { kind: 'hold', reason: read.reason, retryAfterMs: read.retryAfterMs };
    case 'absent':
      return failed('failed', {
        code: 'file_not_found',
        message: `path: there is no ${path} in the project of editor "${editor}": put it there, or post it to /v1/uploads`,
        field: 'path',
      });
    case 'refused':
      return failed('failed', { code: read.code, message: `path: ${read.message}`, field: 'path' });
    case 'present': {
      const problem = mediaProblem(path, mime, read.bytes);
      return problem ? failed('failed', problem) : { path, mime, bytes: read.bytes };
    }
  }
}

async function ask(
  task: Task,
  payload: ServicePayload,
  file: MediaFile,
  services: MediaServices,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  task.attempts++;
  const answer = await services.call(task.command.type, payload, file, signal);
  context.faultPoint('after_call');
  switch (answer.kind) {
    case 'done': {
      const result = { path: file.path, ...capServiceResult(answer.result) };
      return { kind: 'completed', result, ...(answer.usage ? { usage: answer.usage } : {}) };
    }
    case 'away':
      task.attempts--;
      return { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs };
    case 'failed':
      return tryAgain(task, answer.reason, context, answer.retryAfterMs);
    case 'refused':
      return failed('failed', { code: answer.code, message: answer.message });
  }
}

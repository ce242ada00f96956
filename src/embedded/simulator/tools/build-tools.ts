/** Player builds: slow jobs in the editor's memory. A reload forgets the job, not the work; a crash ends both. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { type Answer, type Data, failed, succeeded } from '../answers.js';
import type { BuildJob, Editor } from '../editor.js';
import { resolveOutput } from '../project-paths.js';
import { replaceFile } from '../safe-write.js';
import { defineTool, type Tool, type ToolContext } from '../tool.js';

const PLATFORMS: Readonly<Record<string, string>> = {
  windows64: 'StandaloneWindows64',
  osx: 'StandaloneOSX',
  linux64: 'StandaloneLinux64',
  android: 'Android',
  ios: 'iOS',
  webgl: 'WebGL',
  uwp: 'WSAPlayer',
  tvos: 'tvOS',
  visionos: 'VisionOS',
};
const POLL_INTERVAL_S = 5;

function status(job: BuildJob): Data {
  const ended = job.completedAt;
  return {
    job_id: job.id,
    result: job.state,
    platform: job.platform,
    output_path: job.outputPath,
    started_at: job.startedAt.toISOString(),
    ...(ended === undefined
      ? {}
      : {
          duration_seconds: (ended.getTime() - job.startedAt.getTime()) / 1000,
          completed_at: ended.toISOString(),
          total_size_mb: Math.round((job.sizeBytes / 1048576) * 100) / 100,
          errors: job.state === 'failed' ? 1 : 0,
          warnings: 0,
        }),
    ...(job.error === undefined ? {} : { error: job.error }),
  };
}

function pending(message: string, data: Data): Answer {
  return { success: true, _mcp_status: 'pending', _mcp_poll_interval: POLL_INTERVAL_S, message, data };
}

function start(
  context: ToolContext,
  target: string,
  outputPath: string | undefined,
  scenes: readonly string[],
): Answer {
  const { editor } = context;
  if ([...editor.memory.builds.values()].some((job) => job.state === 'building')) {
    return failed('A build is already in progress.');
  }
  const platform = PLATFORMS[target.toLowerCase()];
  if (platform === undefined) {
    return failed(`Unknown build target '${target}'. Valid targets: ${Object.keys(PLATFORMS).join(', ')}`);
  }
  const output = resolveOutput(editor.root, outputPath ?? `Builds/${platform}/${editor.name}`);
  if (!output.ok) return output.answer;
  const job: BuildJob = {
    id: `build-${randomBytes(5).toString('hex')}`,
    platform,
    outputPath: output.relative,
    startedAt: context.now(),
    state: 'building',
    sizeBytes: 0,
  };
  context.commit({ path: output.relative, beforeSha: null, afterSha: null }, () => editor.rememberBuild(job));
  const missing = scenes.find((scene) => !existsSync(join(editor.root, scene)));
  run(context, job, output.absolute, missing).catch((error: unknown) => {
    job.state = 'failed';
    job.error = String(error);
    job.completedAt = context.now();
  });
  return pending(`Build scheduled for ${platform}. Polling for completion...`, { job_id: job.id, platform });
}

async function run(
  context: ToolContext,
  job: BuildJob,
  output: string,
  missing: string | undefined,
): Promise<void> {
  const { editor, options, now } = context;
  const { signal } = editor.memory.life;
  try {
    const works = () => delay(options.buildMs, undefined, { signal });
    if (options.buildsBlock) editor.enqueue(works).catch(() => {});
    await works();
  } catch {
    // The editor died: nobody is left to ask about this job.
    return;
  }
  if (job.state !== 'building') return;
  if (missing !== undefined) {
    job.state = 'failed';
    job.error = `'${missing}' is an incorrect path for a scene file. BuildPlayer expects paths relative to the project folder.`;
    job.completedAt = now();
    editor.log('error', `[MCP Build] ✗ Build failed: ${job.platform} — ${job.error}`);
    return;
  }
  job.sizeBytes = writePlayer(editor, job, output);
  job.state = 'succeeded';
  job.completedAt = now();
  const megabytes = Math.round((job.sizeBytes / 1048576) * 100) / 100;
  const seconds = ((job.completedAt.getTime() - job.startedAt.getTime()) / 1000).toFixed(1);
  editor.log(
    'log',
    `[MCP Build] Build succeeded: ${job.platform} → ${job.outputPath} (${megabytes} MB, ${seconds}s)`,
  );
}

/** Real files at the output path; gives back their size in bytes. The player comes last: it says the build is whole. */
function writePlayer(editor: Editor, job: BuildJob, output: string): number {
  const name = basename(output);
  const web = job.platform === 'WebGL';
  // An Xcode project is a folder: what stands for the player lies in it.
  if (job.platform === 'iOS')
    return writePlayer(editor, { ...job, platform: 'Xcode' }, join(output, 'Unity-iPhone.xcodeproj'));
  const folder = web ? join(output, 'Build') : `${output.replace(/\.[^./]+$/, '')}_Data`;
  mkdirSync(folder, { recursive: true });
  mkdirSync(dirname(output), { recursive: true });
  const boot = `player=${editor.name}\nplatform=${job.platform}\njob=${job.id}\nscene=${editor.activeScene}\n`;
  const player = web
    ? `<!doctype html>\n<title>${editor.name}</title>\n<canvas id="unity-canvas"></canvas>\n`
    : boot;
  replaceFile(join(folder, web ? `${name}.data` : 'boot.config'), boot);
  replaceFile(web ? join(output, 'index.html') : output, player);
  return Buffer.byteLength(boot) + Buffer.byteLength(player);
}

function statusOf(editor: Editor, jobId: string | undefined): Answer {
  const job = jobId === undefined ? editor.memory.lastBuild : editor.memory.builds.get(jobId);
  if (job === undefined) {
    return failed(jobId === undefined ? 'No build jobs found.' : `No job found with ID: ${jobId}`);
  }
  if (job.state === 'building') return pending('Build building...', status(job));
  const state = job.state.charAt(0).toUpperCase() + job.state.slice(1);
  return succeeded(jobId === undefined ? 'Last completed build.' : `Build ${state}.`, status(job));
}

function cancel(context: ToolContext, jobId: string | undefined): Answer {
  const job = jobId === undefined ? undefined : context.editor.memory.builds.get(jobId);
  if (job === undefined) return failed(`No job found with ID: ${jobId ?? ''}`);
  if (job.state !== 'building') return failed(`Job ${job.id} is not running (state: ${job.state}).`);
  context.commit({ path: job.outputPath, beforeSha: null, afterSha: null }, () => {
    job.state = 'cancelled';
    job.completedAt = context.now();
  });
  return succeeded('Build cancelled.', status(job));
}

const manageBuild = defineTool({
  name: 'manage_build',
  description: 'Manage Unity player builds: build, status, cancel.',
  shape: {
    action: z.string(),
    target: z.string().nullish(),
    output_path: z.string().nullish(),
    scenes: z.string().nullish(),
    development: z.string().nullish(),
    options: z.string().nullish(),
    subtarget: z.string().nullish(),
    scripting_backend: z.string().nullish(),
    job_id: z.string().nullish(),
  },
  run(context, args) {
    switch (args.action.toLowerCase()) {
      case 'build':
        return start(context, args.target ?? '', args.output_path ?? undefined, listOf(args.scenes));
      case 'status':
        return statusOf(context.editor, args.job_id ?? undefined);
      case 'cancel':
        return cancel(context, args.job_id ?? undefined);
      default:
        return {
          success: false,
          message: `Unknown action '${args.action}'. Valid actions: build, status, cancel`,
        };
    }
  },
});

/** A JSON array or names with commas between them: the server takes both. */
function listOf(text: string | null | undefined): string[] {
  if (text === null || text === undefined || text.trim() === '') return [];
  if (!text.trim().startsWith('[')) return text.split(',').map((item) => item.trim());
  return z.array(z.string()).parse(JSON.parse(text));
}

export const buildTools: readonly Tool[] = [manageBuild];

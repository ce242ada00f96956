/** The console, tests, and what runs arbitrary code: the last two are opaque and so always logged as effects. */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { failed, succeeded } from '../answers.js';
import type { TestJob } from '../editor.js';
import { asNumber, defineTool, looseNumber, type Tool } from '../tool.js';

const CONSOLE_PAGE_DEFAULT = 100;
const TEST_JOBS_KEPT_MAX = 200;
const OPAQUE = { path: null, beforeSha: null, afterSha: null } as const;

const readConsole = defineTool({
  name: 'read_console',
  description: 'Gets messages from or clears the Unity Editor console.',
  readOnly: true,
  shape: {
    action: z.enum(['get', 'clear']).default('get'),
    types: z.array(z.enum(['error', 'warning', 'log', 'all'])).nullish(),
    count: looseNumber.nullish(),
    filter_text: z.string().nullish(),
    format: z.enum(['plain', 'detailed', 'json']).nullish(),
    include_stacktrace: z.union([z.boolean(), z.string()]).nullish(),
  },
  run({ editor }, args) {
    if (args.action === 'clear') {
      editor.console.length = 0;
      return succeeded('Console cleared successfully.');
    }
    const types = args.types ?? ['all'];
    const entries = editor.console
      .filter((entry) => types.includes('all') || types.includes(entry.type))
      .filter((entry) => entry.message.includes(args.filter_text ?? ''))
      .slice(-Math.max(1, asNumber(args.count, CONSOLE_PAGE_DEFAULT)));
    const data =
      args.format === 'detailed' || args.format === 'json'
        ? entries.map(({ type, message, at }) => ({ type, message, at }))
        : entries.map(({ message }) => message);
    return { success: true, message: `Retrieved ${data.length} log entries.`, data };
  },
});

const executeMenuItem = defineTool({
  name: 'execute_menu_item',
  description: 'Execute a Unity menu item by path.',
  shape: { menu_path: z.string() },
  run(context, args) {
    if (args.menu_path === '')
      return failed("Required parameter 'menu_path' or 'menuPath' is missing or empty.");
    context.commit(OPAQUE, () => context.editor.log('log', `Menu item: ${args.menu_path}`));
    return succeeded(
      `Attempted to execute menu item: '${args.menu_path}'. Check Unity logs for confirmation or errors.`,
    );
  },
});

const executeCode = defineTool({
  name: 'execute_code',
  description: 'Execute arbitrary C# code inside the Unity Editor.',
  shape: {
    action: z.enum(['execute']).default('execute'),
    code: z.string(),
    safety_checks: z.boolean().nullish(),
  },
  run(context, args) {
    context.commit(OPAQUE, () => context.editor.log('log', `Code executed (${args.code.length} characters)`));
    return succeeded('Code executed successfully.', { result: null });
  },
});

const runTests = defineTool({
  name: 'run_tests',
  description: 'Starts a Unity test run and returns a job id to poll with get_test_job.',
  shape: {
    mode: z.enum(['EditMode', 'PlayMode']).default('EditMode'),
    test_names: z.union([z.array(z.string()), z.string()]).nullish(),
    include_failed_tests: z.boolean().nullish(),
    include_details: z.boolean().nullish(),
  },
  run(context, args) {
    const job: TestJob = { id: randomUUID().replaceAll('-', ''), mode: args.mode, startedAt: context.now() };
    const { tests, life } = context.editor.memory;
    const oldest = tests.keys().next().value;
    if (tests.size >= TEST_JOBS_KEPT_MAX && oldest !== undefined) tests.delete(oldest);
    context.commit(OPAQUE, () => tests.set(job.id, job));
    const timer = setTimeout(() => {
      job.finishedAt = context.now();
    }, context.options.testsMs);
    life.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    return succeeded('Test job started.', { job_id: job.id, status: 'running', mode: job.mode });
  },
});

const getTestJob = defineTool({
  name: 'get_test_job',
  description: 'Polls an asynchronous test job.',
  readOnly: true,
  shape: {
    job_id: z.string(),
    include_failed_tests: z.boolean().nullish(),
    include_details: z.boolean().nullish(),
    wait_timeout: z.number().nullish(),
  },
  run({ editor }, args) {
    const job = editor.memory.tests.get(args.job_id);
    if (job === undefined) return failed('Unknown job_id.');
    const started = job.startedAt.getTime();
    const common = { job_id: job.id, mode: job.mode, started_unix_ms: started };
    if (job.finishedAt === undefined) return { success: true, data: { ...common, status: 'running' } };
    const finished = job.finishedAt.getTime();
    const summary = {
      total: 1,
      passed: 1,
      failed: 0,
      skipped: 0,
      durationSeconds: (finished - started) / 1000,
    };
    return {
      success: true,
      data: {
        ...common,
        status: 'succeeded',
        finished_unix_ms: finished,
        result: { mode: job.mode, summary },
      },
    };
  },
});

export const editorTools: readonly Tool[] = [readConsole, executeMenuItem, executeCode, runTests, getTestJob];

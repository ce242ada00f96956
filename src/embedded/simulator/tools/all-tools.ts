/** Every tool: as the server offers them over MCP, and as the editor itself takes them in a batch or over REST. */
import * as z from 'zod';
import { type Answer, failed, type Json, succeeded } from '../answers.js';
import { defineTool, type Tool, type ToolContext, toReply } from '../tool.js';
import { assetTools } from './asset-tools.js';
import { buildTools } from './build-tools.js';
import { editorTools } from './editor-tools.js';
import { gameObjectTools } from './game-objects.js';
import { sceneTools } from './scene-tools.js';
import { editorManageScript, scriptTools } from './script-tools.js';

const BATCH_MAX_COMMANDS = 25;

const single: readonly Tool[] = [
  ...scriptTools,
  ...assetTools,
  ...gameObjectTools,
  ...sceneTools,
  ...buildTools,
  ...editorTools,
];

const byName = (tools: readonly Tool[]): ReadonlyMap<string, Tool> =>
  new Map(tools.map((tool) => [tool.name, tool]));

/** Behind the server: `manage_script` knows more actions there. */
const behindServer = byName([...single, editorManageScript]);

const batchExecute = defineTool({
  name: 'batch_execute',
  description: 'Executes up to 25 commands one after the other, without rollback.',
  mutatesScripts: true,
  shape: {
    commands: z.array(z.record(z.string(), z.unknown())),
    parallel: z.boolean().nullish(),
    fail_fast: z.boolean().nullish(),
    max_parallelism: z.number().nullish(),
  },
  async run(context, args): Promise<Answer> {
    if (args.commands.length === 0) return failed("Provide at least one command entry in 'commands'.");
    if (args.commands.length > BATCH_MAX_COMMANDS) {
      return failed(`A maximum of ${BATCH_MAX_COMMANDS} commands are allowed per batch.`);
    }
    const results: { tool: string; callSucceeded: boolean; result: Json }[] = [];
    for (const command of args.commands) {
      const tool = String(command['tool'] ?? '');
      const result = await runOne(context, tool, command['params'] ?? {});
      results.push({ tool, callSucceeded: result.success, result });
      if (!result.success && args.fail_fast === true) break;
    }
    const failures = results.filter((result) => !result.callSucceeded).length;
    const data = { results, callSuccessCount: results.length - failures, callFailureCount: failures };
    return failures === 0
      ? succeeded('Batch execution completed.', data)
      : failed('One or more commands failed.', data);
  },
});

async function runOne(context: ToolContext, name: string, params: unknown): Promise<Answer> {
  const tool = behindServer.get(name);
  if (tool === undefined) return failed(`Unknown or unsupported command type: ${name}`);
  try {
    return toReply(await tool.prepare(params)(context.as(name))).answer;
  } catch (error) {
    if (error instanceof z.ZodError) return failed(z.prettifyError(error));
    throw error;
  }
}

export const toolsOverMcp: ReadonlyMap<string, Tool> = byName([...single, batchExecute]);

export const toolsBehindServer: ReadonlyMap<string, Tool> = byName([...behindServer.values(), batchExecute]);

import type { Command } from '../../commands/envelope.js';
import type { GenerateScript } from '../../commands/generateScript.js';
import type { Verdict } from '../lanes/task.js';

/**
 * A script whose `name` is not that of its file is written all the same (the file is what counts), but Unity attaches a component only where both agree,
 * so whoever asked is told.
 */
export function withNameWarning(command: Command, verdict: Verdict): Verdict {
  if (command.type !== 'unity.generate_script' || verdict.kind !== 'completed') return verdict;
  const { name, path } = command.payload as GenerateScript;
  const file = path.slice(path.lastIndexOf('/') + 1, -'.cs'.length);
  if (name === file) return verdict;
  const warning = `"name" is ${name}, but the file is ${file}.cs: Unity finds a component only in a file of its own name`;
  const earlier = verdict.result['warning'];
  return {
    ...verdict,
    result: { ...verdict.result, warning: typeof earlier === 'string' ? `${earlier}; ${warning}` : warning },
  };
}

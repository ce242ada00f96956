import type { UsageReport } from '../../commands/usageReport.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import type { ExecuteContext } from './executeContext.js';
import { executeImport } from './executeImport.js';

/** Commands that only record something: nothing outside the log changes. */
export async function executeRecord(task: Task, context: ExecuteContext): Promise<Verdict> {
  switch (task.command.type) {
    case 'session.import':
      return executeImport(task, context);
    case 'usage.report': {
      const usage = task.command.payload as UsageReport;
      return { kind: 'completed', result: { ...usage }, usage: [usage] };
    }
    default:
      return failed('failed', {
        code: 'not_available',
        message: `${task.command.type} cannot be run yet`,
      });
  }
}

import { withSpan } from '../../observability/tracing.js';
import type { Task, Verdict } from './task.js';

/** One span a go, in the trace that the command came with. */
export function tracedGo(task: Task, go: () => Promise<Verdict>): Promise<Verdict> {
  const { type, commandId, sessionId, editor, traceparent } = task.command;
  const attributes = {
    'messaging.operation.type': 'process',
    'spark.command.id': commandId,
    'spark.session': sessionId,
    'spark.editor': editor,
  };
  return withSpan(
    `process ${type}`,
    attributes,
    traceparent,
    async (span) => {
      const verdict = await go();
      span.setAttributes({ 'spark.verdict': verdict.kind === 'failed' ? verdict.outcome : verdict.kind });
      return verdict;
    },
    'consumer',
  );
}

import type { Mutant } from '../mutant.js';

const FENCE = 'src/unity/fence.ts';
const FILE_CHANGE = 'src/workers/execute/fileChange.ts';

/** What is called, and what is made of the answer. */
export const CALLING: readonly Mutant[] = [
  {
    name: 'ledger-only',
    why: 'Keys are known, outcomes are not looked for: what was called and not heard of, before a crash or after a lost reply, is called again.',
    patches: [
      {
        file: 'src/workers/execute/executeScript.ts',
        find: "  if (task.started?.intent) return resume(task, task.started.intent, 'apply', context, signal);\n",
        replace:
          "  if (task.started?.intent && task.attempts < 0) return resume(task, task.started.intent, 'apply', context, signal);\n",
      },
      {
        file: FILE_CHANGE,
        find: "  if (answer.kind !== 'away') task.calledAt = at;\n",
        replace: "  if (answer.kind === 'unknown') return takeStep(task, prepared, at, context, signal);\n",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'trusts-the-answer',
    why: 'A success is taken for a proof: editors report success for what they have not done.',
    patches: [
      {
        file: FILE_CHANGE,
        find: '    const at = placeOf(prepared, probe);',
        replace:
          "    const said = prepared.steps.length === 1 && task.lastError?.startsWith('the editor reported success');\n    const at = said ? end : placeOf(prepared, probe);",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'no-fence',
    why: 'Whoever calls gets through: a zombie and its successor take turns on one file.',
    patches: [
      {
        file: FENCE,
        find: '    const key = keyOf(editor, token);\n    const seen',
        replace: '    if (token.call > 0) return;\n    const key = keyOf(editor, token);\n    const seen',
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'lease-only-fence',
    why: 'The gate compares epochs and not calls: the delayed request of the same owner lands after its probe said that it had not.',
    patches: [
      {
        file: FENCE,
        find: '  return token.epoch > other.epoch || (token.epoch === other.epoch && token.call > other.call);',
        replace: '  return token.epoch >= other.epoch;',
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'fence-in-memory',
    why: 'What the gate has seen dies with it: when it is back, it lets through what it had refused.',
    patches: [
      {
        file: FENCE,
        find: '      await this.store.save(editor, token.partition, reserved);\n    }\n    this.seen',
        replace: '    }\n    this.seen',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/unity/fence.test.ts',
      title:
        'given any call it had let through, then the next one refuses it; the same owner is told that it is only spent',
    },
  },
  {
    name: 'probe-without-fence',
    why: 'The file is looked at while the call may still be on its way: it lands after the look.',
    patches: [
      {
        file: FILE_CHANGE,
        find: '    if (task.mustDrain) {',
        replace: '    if (task.mustDrain && task.attempts < 0) {',
      },
      {
        file: FENCE,
        find: '      await this.admit(editor, token);\n',
        replace: '      if (token.call < 0) await this.admit(editor, token);\n',
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'call-before-intent',
    why: 'The call goes out while its intent is still on the way to the log: after a crash nobody knows that it was made.',
    patches: [
      {
        file: FILE_CHANGE,
        find: '  await context.recordStarted(task, {\n    path: change.path,',
        replace: '  const stored = context.recordStarted(task, {\n    path: change.path,',
      },
      {
        file: FILE_CHANGE,
        find: "  });\n  context.faultPoint('after_intent');\n  return { ok: true, change: prepared };",
        replace:
          "  });\n  stored.catch(() => undefined);\n  context.faultPoint('after_intent');\n  return { ok: true, change: prepared };",
      },
    ],
    caughtBy: 'simulation',
  },
];

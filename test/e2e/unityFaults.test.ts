import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { effectsOn, eventTypes, expectChain, shaOf } from './support/history.js';
import { expectEachOnce, Load } from './support/load.js';

interface Case {
  readonly fault: string;
  readonly ms?: number;
  readonly reply?: 'disconnected' | 'lost' | 'verified';
  /** Calls that were made for the command: what an editor that is away or busy never adds to. */
  readonly attempts: number;
}

/** What the simulator does to the call, and how many calls it should take: only a call whose effect is absent is made again. */
const SURVIVED: readonly Case[] = [
  { fault: 'latency', ms: 800, attempts: 1 },
  { fault: 'reload_before', ms: 800, attempts: 2 },
  { fault: 'reload_before', ms: 800, reply: 'lost', attempts: 2 },
  { fault: 'reload_after', ms: 800, attempts: 1 },
  { fault: 'reload_after', ms: 800, reply: 'lost', attempts: 1 },
  { fault: 'reload_after', ms: 800, reply: 'verified', attempts: 1 },
  { fault: 'lose_reply', attempts: 1 },
  { fault: 'ghost', ms: 1_500, attempts: 1 },
  { fault: 'busy', ms: 400, attempts: 1 },
  { fault: 'hang', ms: 3_000, attempts: 1 },
  { fault: 'crash', ms: 1_000, attempts: 2 },
  { fault: 'disconnect', attempts: 2 },
];
/** Ends the sessions of every editor: whoever else is in a call then has lost one of the two that it may lose. */
const SESSION_LOST: Case = { fault: 'session_lost', attempts: 1 };

/** Each has an editor to itself: what happens to its calls happens to nobody else's, so all of them are tried side by side. */
const OPERATIONS = [
  { what: 'create', tool: 'create_script', editor: 'default' },
  { what: 'overwrite', tool: 'apply_text_edits', editor: 'castle' },
  { what: 'patch', tool: 'apply_text_edits', editor: 'tower' },
  { what: 'delete', tool: 'delete_script', editor: 'harbour' },
] as const;

/** Reads are simply asked again; what they answer is of the project as it stands. */
const READS = [
  { type: 'unity.render_preview', tool: 'manage_camera', editor: 'meadow' },
  { type: 'unity.deconstruct_asset', tool: 'manage_asset', editor: 'forest' },
] as const;
const AWAY = 'island';
const READ_FAULTS: readonly Case[] = [
  { fault: 'lose_reply', attempts: 2 },
  { fault: 'reload_before', ms: 800, attempts: 2 },
  { fault: 'hang', ms: 1_500, attempts: 1 },
  { fault: 'disconnect', attempts: 2 },
];

const titleOf = ({ fault, reply }: Case): string => (reply ? `${fault} (${reply})` : fault);

describe('faults of the editor during a call', () => {
  const home = newHome();
  let spark: Spark;
  let n = 0;
  const projects = new Map<string, string>();

  beforeAll(async () => {
    spark = await Spark.start({ home });
    for (const editor of [AWAY, ...[...OPERATIONS, ...READS].map((one) => one.editor)])
      projects.set(editor, String((await spark.sim('editors', { editor }))['project']));
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const generate = (sessionId: string, path: string, code: string, overwrite = false, editor = 'default') =>
    spark.submitAndWait({
      type: 'unity.generate_script',
      sessionId,
      editor,
      payload: { name: path.slice(path.lastIndexOf('/') + 1, -3), path, code, overwrite },
    });
  /** What is still armed for calls of this editor. */
  const armed = async (editor: string) =>
    ((await spark.sim('faults', undefined, 'GET'))['faults'] as { editor: string; left: number }[]).filter(
      (fault) => fault.editor === editor,
    );
  const textOf = (path: string, editor: string): string | undefined => {
    const file = join(projects.get(editor) ?? '', path);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const effectsOf = async (editor: string) =>
    (await spark.effects()).filter((effect) => effect.editor === editor);

  /** `code`: what the file shall be; a patch puts its first line before what is there. */
  function change(
    { what, editor }: (typeof OPERATIONS)[number],
    sessionId: string,
    path: string,
    code: string,
  ) {
    if (what === 'create' || what === 'overwrite')
      return generate(sessionId, path, code, what === 'overwrite', editor);
    if (what === 'delete')
      return spark.submitAndWait({ type: 'unity.delete_script', sessionId, editor, payload: { path } });
    const at = { startLine: 1, startCol: 1, endLine: 1, endCol: 1 };
    const newText = code.slice(0, code.indexOf('\n') + 1);
    return spark.submitAndWait({
      type: 'unity.apply_patch',
      sessionId,
      editor,
      payload: { path, edits: [{ ...at, newText }] },
    });
  }

  /** One operation on a file of its own, with the fault armed for just this call. */
  async function operate(operation: (typeof OPERATIONS)[number], fault: object) {
    const { what, tool, editor } = operation;
    const number = ++n;
    const [sessionId, path] = [`faults-${number}`, `Assets/Faults/F${number}.cs`];
    const old = `class F${number} { /* old */ }\n`;
    const code = what === 'patch' ? `// new ${number}\n${old}` : `class F${number} { /* new ${number} */ }\n`;
    if (what !== 'create') expect((await generate(sessionId, path, old, false, editor)).status).toBe(200);
    await spark.sim('faults', { editor, tool, count: 1, ...fault });
    const answer = await change(operation, sessionId, path, code);
    expect(await armed(editor), 'the fault has been used').toEqual([]);
    const states = {
      create: [null, shaOf(code)],
      overwrite: [null, shaOf(old), shaOf(code)],
      patch: [null, shaOf(old), shaOf(code)],
      delete: [null, shaOf(old), null],
    }[what];
    return { answer, sessionId, path, states, before: what === 'create' ? undefined : old };
  }

  async function expectSurvived(operation: (typeof OPERATIONS)[number], { attempts, ...fault }: Case) {
    const { answer, path, states } = await operate(operation, fault);
    expect(answer.body).toMatchObject({ state: 'completed' });
    const effects = await effectsOn(spark, path, operation.editor);
    expect(effects.map(({ beforeSha, afterSha }) => [beforeSha, afterSha])).toEqual(
      states.slice(1).map((sha, at) => [states[at], sha]),
    );
    const row = await spark.command(String(answer.body['commandId']));
    expect(row).toMatchObject({ state: 'completed', attempts, error_code: null });
    expect(effects.at(-1)).toMatchObject({ commandId: row['command_id'], attempt: attempts });
    expect(await eventTypes(spark, row['command_id'])).toEqual([
      expect.stringMatching(/\.started$/),
      expect.stringMatching(/\.completed$/),
    ]);
  }

  describe.concurrent.each(OPERATIONS)('$what', (operation) => {
    it.sequential.each(SURVIVED.map((fault) => [titleOf(fault), fault] as const))(
      'given %s, it completes with exactly one effect',
      (_title, fault) => expectSurvived(operation, fault),
    );

    it.sequential('given too_large, it fails for good without any effect', async () => {
      const { answer, path, before } = await operate(operation, { fault: 'too_large' });
      expect(answer.body).toMatchObject({ state: 'failed', error: { code: 'request_too_large' } });
      expect(await effectsOn(spark, path, operation.editor)).toHaveLength(before === undefined ? 0 : 1);
      expect(textOf(path, operation.editor)).toBe(before);
      const row = await spark.command(String(answer.body['commandId']));
      expect(row).toMatchObject({ state: 'failed', attempts: 1, error_code: 'request_too_large' });
    });
  });

  describe.concurrent.each(READS)('$type', ({ type, tool, editor }) => {
    it.sequential.each(READ_FAULTS.map((fault) => [titleOf(fault), fault] as const))(
      'given %s, it completes all the same, and nothing has happened to the project',
      async (_title, { attempts, ...fault }) => {
        const before = await effectsOf(editor);
        await spark.sim('faults', { editor, tool, count: 1, ...fault });
        // A size that nobody has asked for yet: a picture that is known would spend no call.
        const payload =
          type === 'unity.render_preview'
            ? { width: 100 + ++n, height: 64 }
            : { path: 'Assets/Prefabs/Crate.prefab' };
        const { body } = await spark.submitAndWait({ type, sessionId: `faults-${tool}`, editor, payload });
        expect(await armed(editor), 'the fault has been used').toEqual([]);
        expect(body).toMatchObject({ state: 'completed', attempts });
        expect(body['result']).toMatchObject(
          type === 'unity.render_preview'
            ? { cached: false, frameRef: expect.stringMatching(/^\/v1\/frames\//) }
            : { assetType: 'UnityEngine.GameObject', prefab: { totalObjects: 2 } },
        );
        expect(await effectsOf(editor)).toEqual(before);
        const row = await spark.command(String(body['commandId']));
        expect(await eventTypes(spark, row['command_id'])).toEqual([
          expect.stringMatching(/\.started$/),
          expect.stringMatching(/\.completed$/),
        ]);
      },
    );
  });

  describe.concurrent('an editor that is away', () => {
    it.sequential('given an editor away for 20 s, its commands wait, spend no attempt, and run once in order when it is back', async () => {
      const paths = Array.from({ length: 5 }, (_, index) => `Assets/Faults/Away${index}.cs`);
      await spark.sim('reload', { editor: AWAY, ms: 20_000 });
      const awayAtMs = performance.now();
      for (const path of paths)
        await spark.publish(
          { editor: AWAY, type: 'unity.generate_script', session: 'faults-away' },
          { name: path.slice(14, -3), path, code: `class ${path.slice(14, -3)} {}` },
          { 'Spark-Idempotency-Key': path },
        );
      await eventually(
        async () => {
          const rows = await spark.sql(
            "SELECT state, attempts FROM spark_commands WHERE session_id = 'faults-away' ORDER BY started_at",
          );
          expect(rows.map(({ state }) => state)).toEqual(paths.map(() => 'completed'));
        },
        { timeoutMs: 60_000 },
      );
      expect(performance.now() - awayAtMs).toBeGreaterThan(19_000);
      const rows = await spark.sql("SELECT attempts FROM spark_commands WHERE session_id = 'faults-away'");
      const effects = (await spark.effects()).filter((effect) => paths.includes(effect.path));
      expect(effects.map(({ path, attempt }) => [path, attempt])).toEqual(paths.map((path) => [path, 1]));
      expect(rows).toEqual(paths.map(() => ({ attempts: 1 })));
    });
  });

  describe('one after the other', () => {
    afterEach(async () => {
      await spark.sim('faults', undefined, 'DELETE');
    });

    it.each(OPERATIONS)('given session_lost at $what, it completes with exactly one effect', (operation) =>
      expectSurvived(operation, SESSION_LOST),
    );

    it('given every call refused, attempts end, and the dead letter says so', async () => {
      const path = 'Assets/Faults/Hopeless.cs';
      await spark.sim('faults', {
        editor: 'default',
        tool: 'create_script',
        fault: 'disconnect',
        count: 100,
      });
      const answer = await generate('faults-hopeless', path, 'class Hopeless {}');
      expect(answer.body).toMatchObject({ state: 'failed', error: { code: 'attempts_exhausted' } });
      const row = await spark.command(String(answer.body['commandId']));
      expect(row).toMatchObject({ state: 'failed', attempts: 3, error_code: 'attempts_exhausted' });
      const left = (await armed('default'))[0]?.left;
      expect(left, 'calls that were really made').toBe(100 - 3);
      expect(await effectsOn(spark, path)).toEqual([]);
      await eventually(async () => {
        const letters = await spark.sql('SELECT * FROM spark_dead_letters WHERE command_id = $1', [
          row['command_id'],
        ]);
        expect(letters).toHaveLength(1);
      });
    });

    it.each([
      [
        'create_script',
        'unity.generate_script',
        { name: 'Often', path: 'Assets/Faults/Often.cs', code: 'class Often {}' },
      ],
      ['manage_camera', 'unity.render_preview', { width: 32, height: 32, format: 'png', mode: 'fast' }],
    ])(
      'given an editor busy at %s for more often than there are attempts, %s waits and spends one',
      async (tool, type, payload) => {
        await spark.sim('faults', { editor: 'default', tool, fault: 'busy', ms: 50, count: 8 });
        const answer = await spark.submitAndWait({ type, sessionId: 'faults-often', payload });
        expect(answer.body).toMatchObject({ state: 'completed' });
        expect(await armed('default'), 'all eight were met').toEqual([]);
        expect(await spark.command(String(answer.body['commandId']))).toMatchObject({ attempts: 1 });
      },
    );

    it('given the simulator killed with -9 while working, every command completes with one effect', async () => {
      const load = await Load.start(spark.endpoints, { tag: 'simulator', sessions: 3, everyMs: 60 });
      for (let round = 0; round < 3; round++) {
        await load.grows(20);
        const { simulator } = spark.readEndpoints().pids;
        process.kill(simulator, 'SIGKILL');
        await eventually(() => expect(spark.readEndpoints().pids.simulator).not.toBe(simulator));
      }
      await load.grows(20);
      await expectEachOnce(spark, await load.stop());
    });

    it('given an undo whose reply is lost, the file is gone once and the operation is undone', async () => {
      const path = 'Assets/Faults/Undone.cs';
      await generate('faults-undo', path, 'class Undone {}');
      await spark.sim('faults', { editor: 'default', tool: 'delete_script', fault: 'lose_reply' });
      const undone = await spark.submitAndWait({
        type: 'session.undo',
        sessionId: 'faults-undo',
        payload: {},
      });
      expect(undone.body).toMatchObject({ state: 'completed' });
      const effects = await effectsOn(spark, path);
      expect(effects).toHaveLength(2);
      expectChain(effects.slice(0, 1), { from: null, to: shaOf('class Undone {}') });
      expect(spark.file(path)).toBeUndefined();
      expect(spark.file(`${path}.meta`)).toBeUndefined();
    });
  });
});

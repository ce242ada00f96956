import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const BIN = fileURLToPath(new URL('../../bin/spark.js', import.meta.url));
type Json = Record<string, unknown>;

describe('dead letters', () => {
  const home = newHome();
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const lettersOf = async (session: string, more = ''): Promise<Json[]> =>
    (await spark.http(`/v1/dead-letters?sessionId=${session}${more}`)).body['items'] as Json[];
  const letterOf = (session: string): Promise<Json> =>
    eventually(async () => {
      const [letter] = await lettersOf(session);
      expect(letter).toBeDefined();
      return letter as Json;
    });
  const stateOf = (id: unknown, state: string): Promise<Json> =>
    eventually(async () => {
      const { body } = await spark.http(`/v1/dead-letters/${String(id)}`);
      expect(body['state']).toBe(state);
      return body;
    });
  const redrive = (id: unknown, body?: unknown) =>
    spark.http(`/v1/dead-letters/${String(id)}/redrive`, { method: 'POST', body: body ?? {} });

  async function exhaust(session: string, name: string, correlationId = 'story-1'): Promise<string> {
    await spark.sim('faults', { editor: 'default', tool: 'create_script', fault: 'disconnect', count: 100 });
    const path = `Assets/Dlq/${name}.cs`;
    const { body } = await spark.http('/v1/commands', {
      body: {
        type: 'unity.generate_script',
        sessionId: session,
        correlationId,
        payload: { name, path, code: `class ${name} {}\n` },
      },
      headers: { prefer: 'wait=60' },
    });
    expect(body).toMatchObject({ state: 'failed', error: { code: 'attempts_exhausted' } });
    await spark.sim('faults', undefined, 'DELETE');
    return String(body['commandId']);
  }

  it('given an exhausted command and its fault gone, a redrive completes it once, whoever asks twice', async () => {
    const original = await exhaust('dlq-exhausted', 'Again');
    const letter = await letterOf('dlq-exhausted');
    expect(letter).toMatchObject({
      reason: 'attempts_exhausted',
      type: 'unity.generate_script',
      state: 'open',
      commandId: original,
    });
    const shown = (await spark.http(`/v1/dead-letters/${String(letter['id'])}`)).body;
    expect(shown).toMatchObject({
      payload: { name: 'Again', path: 'Assets/Dlq/Again.cs' },
      correlationId: 'story-1',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      links: { command: `/v1/commands/${original}`, events: '/v1/sessions/dlq-exhausted/events' },
      actions: [],
    });

    const first = await redrive(letter['id']);
    expect(first.status, JSON.stringify(first.body)).toBe(202);
    expect(first.body).toMatchObject({ duplicate: false, redrive: 1 });
    const commandId = String(first.body['commandId']);
    expect(commandId).not.toBe(original);
    // At once, so very likely before the read model knows; and again when it does.
    const second = await redrive(letter['id']);
    expect(second.body).toMatchObject({ commandId, duplicate: true });
    await stateOf(letter['id'], 'redriven');
    expect((await redrive(letter['id'])).body).toMatchObject({ commandId, duplicate: true });

    const row = await spark.command(commandId);
    expect(row).toMatchObject({ state: 'completed', causation_id: original, correlation_id: 'story-1' });
    expect(spark.file('Assets/Dlq/Again.cs')?.toString()).toBe('class Again {}\n');
    const effects = (await spark.effects()).filter((effect) => effect.path === 'Assets/Dlq/Again.cs');
    expect(effects).toHaveLength(1);
    const done = await stateOf(letter['id'], 'redriven');
    expect(done).toMatchObject({ redrivenAs: commandId, redrives: 1, actedBy: 'token' });
    expect(done['actions']).toMatchObject([{ action: 'redriven', commandId, redrive: 1 }]);
  });

  it('given a body that is no JSON, only a corrected payload is redriven', async () => {
    await spark.publish({ type: 'unity.generate_script', session: 'dlq-json' }, '{"name": "Fixed",');
    const letter = await letterOf('dlq-json');
    expect(letter).toMatchObject({ reason: 'malformed_json', body: '{"name": "Fixed",' });
    const plain = await redrive(letter['id']);
    expect([plain.status, plain.body['code']]).toEqual([409, 'not_redrivable']);
    const payload = { name: 'Fixed', path: 'Assets/Dlq/Fixed.cs', code: 'class Fixed {}\n' };
    const wrong = await redrive(letter['id'], { payload: { ...payload, path: '../Fixed.cs' } });
    expect([wrong.status, wrong.body['code']]).toEqual([422, 'schema_violation']);
    const fixed = await redrive(letter['id'], { payload });
    expect(fixed.status).toBe(202);
    expect((await redrive(letter['id'], { payload })).body).toMatchObject({
      commandId: fixed.body['commandId'],
      duplicate: true,
    });
    expect(await spark.command(String(fixed.body['commandId']))).toMatchObject({ state: 'completed' });
    await stateOf(letter['id'], 'redriven');
    const other = await redrive(letter['id'], { payload: { ...payload, code: 'class Other {}\n' } });
    expect([other.status, other.body['code']]).toEqual([409, 'dead_letter_closed']);
    expect(other.body['detail']).toContain('"redrive": 2');
  });

  it('given a subject that names no session, the session is given with the redrive', async () => {
    await spark.publishRaw('spark.commands.default.unity.delete_script', '{"path":"Assets/Dlq/None.cs"}');
    const letter = await eventually(async () => {
      const { body } = await spark.http('/v1/dead-letters?reason=malformed_subject');
      const [found] = body['items'] as Json[];
      expect(found).toBeDefined();
      return found as Json;
    });
    const plain = await redrive(letter['id']);
    expect([plain.status, plain.body['code']]).toEqual([409, 'not_redrivable']);
    const redriven = await redrive(letter['id'], { type: 'unity.delete_script', sessionId: 'dlq-subject' });
    expect(redriven.status).toBe(202);
    expect(await spark.command(String(redriven.body['commandId']))).toMatchObject({
      session_id: 'dlq-subject',
      type: 'unity.delete_script',
    });
  });

  it('given many letters, a redrive by filter is paced, in order, and tells each', async () => {
    const names = ['PacedA', 'PacedB', 'PacedC'];
    for (const name of names) await exhaust('dlq-paced', name);
    await eventually(async () => expect(await lettersOf('dlq-paced', '&state=open')).toHaveLength(3));
    const filter = { sessionId: 'dlq-paced' };
    const dry = await spark.http('/v1/dead-letters/redrive', { body: { filter, dryRun: true } });
    expect(dry.body).toMatchObject({ matched: 3, items: [{ problem: null }, { problem: null }, {}] });

    const beganMs = performance.now();
    const { body } = await spark.http('/v1/dead-letters/redrive', { body: { filter, ratePerSecond: 4 } });
    const tookMs = performance.now() - beganMs;
    // Three at four a second: the third starts half a second after the first.
    expect(tookMs).toBeGreaterThan(450);
    const lines = String(body)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    expect(lines.at(-1)).toMatchObject({ done: true, matched: 3, redriven: 3, refused: 0, stopped: null });
    for (const line of lines.slice(0, -1))
      expect(await spark.command(String(line['commandId']))).toMatchObject({ state: 'completed' });
    const written = (await spark.effects()).filter((effect) => effect.path.startsWith('Assets/Dlq/Paced'));
    expect(written.map((effect) => effect.path)).toEqual(names.map((name) => `Assets/Dlq/${name}.cs`));
    await eventually(async () => expect(await lettersOf('dlq-paced', '&state=open')).toEqual([]));
  });

  it('given letters nobody wants, they are dropped, stay listed as such, and are redriven only by who says so', async () => {
    for (const body of ['{', '[', '"'])
      await spark.publish({ type: 'unity.generate_script', session: 'dlq-drop' }, body);
    await eventually(async () => expect(await lettersOf('dlq-drop')).toHaveLength(3));
    const [one] = await lettersOf('dlq-drop');
    expect((await spark.http(`/v1/dead-letters/${String(one?.['id'])}`, { method: 'DELETE' })).status).toBe(
      200,
    );
    await stateOf(one?.['id'], 'dropped');
    const dropped = await spark.http('/v1/dead-letters/drop', {
      body: { filter: { sessionId: 'dlq-drop' } },
    });
    expect(dropped.body).toMatchObject({ matched: 2 });
    await eventually(async () => expect(await lettersOf('dlq-drop', '&state=dropped')).toHaveLength(3));
    const refused = await redrive(one?.['id'], { payload: {} });
    expect([refused.status, refused.body['code']]).toEqual([409, 'dead_letter_closed']);
  });

  it('given more letters than a page, the cursor goes on where it ended', async () => {
    const seen: unknown[] = [];
    let cursor: unknown = '';
    while (typeof cursor === 'string') {
      const { body } = await spark.http(`/v1/dead-letters?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...(body['items'] as Json[]).map((letter) => letter['id']));
      cursor = body['nextCursor'];
    }
    const all = (await spark.http('/v1/dead-letters?limit=500')).body['items'] as Json[];
    expect(seen).toEqual(all.map((letter) => letter['id']));
    expect(seen.length).toBeGreaterThan(6);
  });

  it('given the CLI, it lists, shows, refuses to drop without a yes, and redrives', async () => {
    const listed = await cli(['dlq', 'list', '--session', 'dlq-drop', '--json']);
    expect((JSON.parse(listed.out) as { items: unknown[] }).items).toHaveLength(3);
    const [letter] = await lettersOf('dlq-exhausted');
    const shown = await cli(['dlq', 'show', String(letter?.['id'])]);
    expect(shown.out).toContain('attempts_exhausted');
    const asked = await cli(['dlq', 'drop', '--all-matching', '--session', 'dlq-nobody', '--dry-run']);
    expect([asked.code, asked.out]).toEqual([0, '0 open letters match.\n']);
    const again = await cli(['dlq', 'redrive', String(letter?.['id']), '--json']);
    expect(JSON.parse(again.out)).toMatchObject({ duplicate: true, commandId: letter?.['redrivenAs'] });
  });

  it('given the open gauge, it counts what nobody has done anything about', async () => {
    const { body } = await spark.http('/metrics');
    const open = (await spark.http('/v1/dead-letters?state=open&limit=500')).body['items'] as Json[];
    expect(String(body)).toContain(`spark_dead_letters_open ${open.length}`);
  });

  it('given a stop, a rebuild and a start, letters and what was done about them are what they were', async () => {
    const dump = async () => ({
      letters: await spark.sql('SELECT l::text AS line FROM spark_dead_letters l ORDER BY id'),
      actions: await spark.sql('SELECT a::text AS line FROM spark_dead_letter_actions a ORDER BY seq'),
    });
    const before = await dump();
    expect(before.actions.length).toBeGreaterThan(6);
    await spark.stop();
    expect((await cli(['rebuild'])).code).toBe(0);
    spark = await Spark.start({ home });
    await eventually(async () => expect(await dump()).toEqual(before));
    // And it goes on from there.
    await spark.publish({ type: 'unity.generate_script', session: 'dlq-later' }, '{');
    const { id } = await letterOf('dlq-later');
    expect((await spark.http(`/v1/dead-letters/${String(id)}`, { method: 'DELETE' })).status).toBe(200);
    await stateOf(id, 'dropped');
  });

  async function cli(args: string[]): Promise<{ code: number | null; out: string }> {
    const child = spawn(process.execPath, [BIN, ...args, '--home', home], {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, out };
  }
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { createPool } from '../postgres/pools.js';
import type { Voice } from './banner.js';

export interface DemoOptions {
  readonly url: string;
  readonly token: string;
  /** The standby, as the read-only dashboard role. */
  readonly replicaUrl: string;
  /** Where the picture is put for people to look at. */
  readonly folder: string;
  readonly voice: Voice;
  readonly clock: Clock;
}

const SESSION = 'demo';
const FOLDER = 'Assets/SparkDemo';

const PLAYER = `using UnityEngine;

/// <summary>Moves the player with the arrow keys.</summary>
public class PlayerController : MonoBehaviour
{
    [SerializeField] private float speed = 5f;

    private void Update()
    {
        var input = new Vector3(Input.GetAxis("Horizontal"), 0f, Input.GetAxis("Vertical"));
        transform.position += input * (speed * Time.deltaTime);
    }
}
`;

const CAMERA = `using UnityEngine;

/// <summary>Follows a target smoothly.</summary>
public class CameraFollow : MonoBehaviour
{
    [SerializeField] private Transform target;
    [SerializeField] private Vector3 offset = new Vector3(0f, 6f, -8f);

    private void LateUpdate()
    {
        if (target == null) return;
        transform.position = Vector3.Lerp(transform.position, target.position + offset, 5f * Time.deltaTime);
        transform.LookAt(target);
    }
}
`;

const SPINNER = `using UnityEngine;

public class Spinner : MonoBehaviour
{
    private void Update() => transform.Rotate(0f, 90f * Time.deltaTime, 0f);
}
`;

const PATCH = `--- a/PlayerController.cs
+++ b/PlayerController.cs
@@ -5,3 +5,3 @@
 {
-    [SerializeField] private float speed = 5f;
+    [SerializeField] private float speed = 9f;
 
`;

/** The dashboards' question after function calls; product.md section 9. */
const CALLS = `SELECT name, status, COUNT(*) AS calls, ROUND(AVG(duration_ms)::numeric, 1) AS avg_ms
FROM spark_function_calls WHERE ts >= NOW() - INTERVAL '1 hour' GROUP BY name, status ORDER BY name, status`;

/** A first story, told through the same API that everybody uses: write, look, patch, undo, ask the standby. Once per home. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { voice } = options;
  voice.say('');
  voice.say('A demo on the simulated project (only this once; --no-demo skips it):');
  for (const [name, code] of [
    ['PlayerController', PLAYER],
    ['CameraFollow', CAMERA],
    ['Spinner', SPINNER],
  ] as const)
    await run(
      options,
      'unity.generate_script',
      { name, path: `${FOLDER}/${name}.cs`, code, overwrite: true },
      `wrote ${FOLDER}/${name}.cs`,
    );
  const picture = await run(
    options,
    'unity.render_preview',
    { width: 640, height: 360 },
    'took a picture of the scene',
  );
  if (picture['frameRef']) await keepPicture(options, String(picture['frameRef']));
  await run(
    options,
    'unity.apply_patch',
    { path: `${FOLDER}/PlayerController.cs`, patch: PATCH },
    'patched the player: speed 5 → 9',
  );
  await run(options, 'session.undo', {}, 'undid that: the file is byte for byte what it was');
  await showUndoLog(options);
  await showDashboard(options);
}

async function run(
  options: DemoOptions,
  type: string,
  payload: object,
  done: string,
): Promise<Record<string, unknown>> {
  const { clock, voice, url } = options;
  const beganMs = clock.monotonicMs();
  const answer = await call(`${url}/v1/commands`, options, {
    method: 'POST',
    headers: { prefer: 'wait=30' },
    body: JSON.stringify({ type, sessionId: SESSION, payload, actor: 'demo' }),
  });
  const ms = Math.round(clock.monotonicMs() - beganMs);
  const state = String(answer['status'] ?? answer['state'] ?? '');
  voice.say(state === 'completed' ? `  ✓ ${done} (${ms} ms)` : `  ✗ ${type}: ${JSON.stringify(answer)}`);
  return (answer['result'] as Record<string, unknown> | undefined) ?? {};
}

/** The frame's address needs the token, which a browser does not send: a file can simply be opened. */
async function keepPicture({ url, token, folder, voice }: DemoOptions, frameRef: string): Promise<void> {
  const response = await fetch(`${url}${frameRef}`, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok)
    throw new Error(`the picture could not be fetched: ${response.status} ${await response.text()}`);
  const file = join(folder, 'demo-preview.png');
  writeFileSync(file, Buffer.from(await response.arrayBuffer()));
  voice.say(`      open it: ${file}`);
}

async function showUndoLog(options: DemoOptions): Promise<void> {
  const answer = await call(`${options.url}/v1/sessions/${SESSION}/operations`, options, {});
  options.voice.say('  the undo log (GET /v1/sessions/demo/operations), newest first:');
  for (const row of (answer['items'] as { state: string; tool: string; path: string }[] | undefined) ?? [])
    options.voice.say(`      ${row.state.padEnd(8)} ${row.tool.padEnd(22)} ${row.path}`);
}

async function showDashboard({ replicaUrl, voice, clock }: DemoOptions): Promise<void> {
  const pool = createPool({ url: replicaUrl, applicationName: 'spark-demo', maxConnections: 1 });
  try {
    const standby = await pool.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    await untilProjected(pool, clock);
    const { rows } = await pool.query<{ name: string; status: string; calls: string; avg_ms: string }>(CALLS);
    voice.say(`  a dashboard query, answered by the ${standby.rows[0]?.standby ? 'standby' : 'primary'}:`);
    for (const row of rows)
      voice.say(
        `      ${row.name.padEnd(24)} ${row.status.padEnd(8)} ${row.calls.padStart(3)} calls  ${row.avg_ms} ms on average`,
      );
  } finally {
    await pool.end();
  }
}

/** The undo is the last thing the demo did: once the standby shows it, it shows everything. */
async function untilProjected(pool: ReturnType<typeof createPool>, clock: Clock): Promise<void> {
  const deadlineMs = clock.monotonicMs() + 5_000;
  const shown = "SELECT 1 FROM spark_function_calls WHERE session_id = $1 AND name = 'undo'";
  while (clock.monotonicMs() < deadlineMs && (await pool.query(shown, [SESSION])).rowCount === 0)
    await clock.sleep(20);
}

async function call(
  url: string,
  { token }: DemoOptions,
  init: RequestInit,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
    signal: AbortSignal.timeout(60_000),
  });
  return (await response.json()) as Record<string, unknown>;
}

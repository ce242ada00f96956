import { relative } from 'node:path';
import type { RunningParts } from './embeddedParts.js';

/** Where a person sees what goes on: plain lines, one fact each. */
export interface Voice {
  /** A step that is done, or a fact. */
  say(line: string): void;
}

export interface Started {
  readonly url: string;
  readonly token: string;
  readonly home: string;
  readonly version: string;
  readonly tookMs: number;
}

/** What started, where it is, and how to talk to it. */
export async function introduce(voice: Voice, parts: RunningParts, started: Started): Promise<void> {
  const { nats, postgres, simulator } = parts.embedded;
  const line = (name: string, text: string) => voice.say(`  ${name.padEnd(11)}${text}`);
  voice.say('');
  voice.say(`SPARK ${started.version} is ready (${(started.tookMs / 1_000).toFixed(1)} s)`);
  line(
    'HTTP',
    `${started.url}   (API description: ${started.url}/openapi.json, health: /readyz, metrics: /metrics)`,
  );
  line('Token', started.token);
  line(
    'NATS',
    nats
      ? `${nats.url}   nats-server ${nats.version}, JetStream, fsync ${nats.profile}`
      : `${parts.nats.url}   (yours)`,
  );
  line(
    'Postgres',
    postgres
      ? `primary on port ${postgres.primary.port}, streaming standby on port ${postgres.replica.port}`
      : 'yours',
  );
  line(
    'Unity',
    simulator
      ? `${simulator.mcpUrl}   (the simulator; set UNITY_MCP_URL for a real editor)`
      : `${parts.unity.mcpUrl}   (yours)`,
  );
  for (const [editor, folder] of Object.entries(simulator ? await simulator.projects() : {}))
    line('', `editor "${editor}" has its project in ${shown(folder)}`);
  line(
    'Everything',
    `${shown(started.home)}/endpoints.json has every address and password; kept until --fresh`,
  );
}

/** Two commands to try, as they can be pasted. */
export function suggest(voice: Voice, started: Started): void {
  voice.say('');
  voice.say('Try, in another terminal of this folder:');
  voice.say(
    '  npx spark submit unity.generate_script --session me --payload \'{"name":"Hello","path":"Assets/Hello.cs","code":"class Hello {}"}\' --wait',
  );
  voice.say('  npx spark undo me --wait');
  voice.say(`  npx spark history me        npx spark doctor        npx spark --help`);
  voice.say(`Ctrl-C stops everything; what you did stays in ${shown(started.home)}.`);
  voice.say('');
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
};

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from '../embedded/home.js';
import { inboxPrefixOf } from '../streams/permissions.js';
import type { RunningParts } from './embeddedParts.js';

/** `$SPARK_HOME/endpoints.json`: everything a client needs, product.md section 9. Secrets inside: mode 0600. */
export interface EndpointsFile {
  write(): Promise<void>;
  remove(): void;
}

export function createEndpointsFile(
  home: Home,
  parts: RunningParts,
  http: { readonly url: string; readonly token: string },
): EndpointsFile {
  const file = join(home.dir, 'endpoints.json');
  let removed = false;
  return {
    write: async () => {
      const content = await endpointsOf(parts, http);
      if (removed) return;
      const draft = `${file}.${process.pid}.tmp`;
      writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
      renameSync(draft, file);
    },
    remove: () => {
      removed = true;
      rmSync(file, { force: true });
    },
  };
}

/** At the start: what an earlier run left says nothing about this one. */
export function removeStaleEndpoints(home: Home): void {
  rmSync(join(home.dir, 'endpoints.json'), { force: true });
}

async function endpointsOf(parts: RunningParts, http: { url: string; token: string }): Promise<object> {
  const { nats, postgres, simulator, services } = parts.embedded;
  const client = parts.nats.credentials('client');
  return {
    http: http.url,
    token: http.token,
    nats: parts.nats.url,
    natsUser: client?.user ?? null,
    natsPassword: client?.password ?? null,
    natsInboxPrefix: inboxPrefixOf('client'),
    natsWs: parts.nats.wsUrl,
    postgres: parts.postgres.urlOf('spark_dashboard_ro', 'primary'),
    replica: parts.postgres.urlOf('spark_dashboard_ro', 'replica'),
    unityMcp: parts.unity.mcpUrl,
    unitySimulator: simulator?.baseUrl ?? null,
    unityProjects: simulator
      ? await simulator.projects()
      : Object.fromEntries(
          parts.unity.editors.flatMap(({ editor, projectFolder }) =>
            projectFolder ? [[editor, projectFolder]] : [],
          ),
        ),
    effectLog: simulator?.effectLog ?? null,
    cvService: parts.services.cv?.url ?? null,
    asrService: parts.services.asr?.url ?? null,
    pids: {
      main: process.pid,
      nats: nats?.pid ?? null,
      postgres: postgres?.primary.pid ?? null,
      replica: postgres?.replica.pid ?? null,
      simulator: simulator?.pid ?? null,
      services: services?.pid ?? null,
    },
  };
}

import { z } from 'zod';
import type { EditorEntry } from '../commands/editorEntry.js';
import type { ConfiguredPlace, EditorLive, EditorsPort } from './editorsPort.js';

const pause = z.object({ by: z.string(), at: z.string(), reason: z.string().nullable() });

/** What an editor is registered as: from the registry and `UNITY_EDITORS`, never old. */
export const registrationView = z.object({
  editor: z.string(),
  source: z
    .enum(['configuration', 'registry', 'connection', 'commands'])
    .describe('Who names it. `configuration`: UNITY_EDITORS. `commands`: nobody but commands sent to it'),
  instance: z.string().nullable().describe('`Name@hash`; null: the one connected project of that name'),
  projectFolder: z.string().nullable(),
  mcpUrl: z.string().nullable().describe('Null: UNITY_MCP_URL'),
  labels: z.record(z.string(), z.string()),
  paused: pause.nullable(),
  registeredAt: z.string().nullable(),
  updatedAt: z.string().nullable(),
});
export type RegistrationView = z.infer<typeof registrationView>;

export const editorView = registrationView.extend({
  health: z.object({
    state: z.enum(['ready', 'away', 'unknown']),
    reason: z.string().nullable(),
    since: z.string().nullable(),
  }),
  lastSeenAt: z.string().nullable(),
  current: z
    .object({ commandId: z.string(), type: z.string(), sessionId: z.string(), since: z.string() })
    .nullable()
    .describe('What it is working on'),
  queue: z.object({ memory: z.int(), parked: z.int() }).describe('Commands that wait'),
  build: z.object({ commandId: z.string(), since: z.string() }).nullable(),
});
export type EditorView = z.infer<typeof editorView>;

type Source = RegistrationView['source'];

export function registrationOf(
  editor: string,
  entry: EditorEntry | undefined,
  configured: ConfiguredPlace | undefined,
  otherwise: Source,
): RegistrationView {
  const registered = entry?.registered ? entry : undefined;
  const place = configured ?? registered;
  return {
    editor,
    source: configured ? 'configuration' : registered ? 'registry' : otherwise,
    instance: place?.instance ?? null,
    projectFolder: place?.projectFolder ?? null,
    mcpUrl: configured ? null : withoutCredentials(registered?.mcpUrl ?? null),
    labels: registered?.labels ?? {},
    paused: entry?.paused ?? null,
    registeredAt: registered?.registeredAt ?? null,
    updatedAt: entry?.updatedAt ?? null,
  };
}

/** Every editor that anybody names, by name. `live` undefined: no worker answers, so nobody can say how they are. */
export function editorViews(port: EditorsPort, live: readonly EditorLive[] | undefined): EditorView[] {
  const lives = new Map((live ?? []).map((one) => [one.editor, one]));
  const configured = new Map(port.configured.map((one) => [one.editor, one]));
  const names = new Set([...configured.keys(), ...port.entries.keys(), ...lives.keys()]);
  return [...names].sort().map((editor) => {
    const now = lives.get(editor);
    const otherwise = now && now.source !== 'registry' ? now.source : 'commands';
    const registration = registrationOf(editor, port.entries.get(editor), configured.get(editor), otherwise);
    return {
      ...registration,
      instance: registration.instance ?? now?.instance ?? null,
      ...(now ? liveOf(now) : unseen(live === undefined)),
    };
  });
}

const liveOf = ({ health, lastSeenAt, current, queue, build }: EditorLive) => ({
  ...{ health, lastSeenAt, current, queue, build },
});

function unseen(noWorker: boolean): Omit<EditorView, keyof RegistrationView> {
  const reason = noWorker ? 'no worker answers' : 'nobody has looked yet';
  return {
    health: { state: 'unknown', reason, since: null },
    lastSeenAt: null,
    current: null,
    queue: { memory: 0, parked: 0 },
    build: null,
  };
}

/** An MCP server's URL may carry a password: it is nobody's to read. */
export function withoutCredentials(url: string | null): string | null {
  if (url === null || !URL.canParse(url)) return url;
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}

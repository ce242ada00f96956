import type { EditorEntry } from '../commands/editorEntry.js';
import type { Clock } from '../core/clock.js';
import type { CircuitBreaker } from '../resilience/circuitBreaker.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';
import {
  EditorDirectory,
  type EditorPlace,
  type EditorResolver,
  type PlaceAnswer,
} from './editorDirectory.js';
import { EditorRevisions } from './editorRevisions.js';
import { type Instances, listInstances } from './instances.js';
import type { ConfiguredEditor } from './parseUnityEditors.js';
import { ProjectFolder } from './projectFolder.js';
import { surveyOf } from './survey.js';
import { type UnityAuth, UnityServer } from './unityServer.js';

export interface ReachOptions {
  readonly serverUrl: string;
  readonly clock: Clock;
  readonly auth?: UnityAuth;
  readonly editors?: readonly ConfiguredEditor[];
  readonly resolve?: EditorResolver;
  /** The registry, as it is now. Entries count only on `serverUrl` and `furtherUrls`. */
  readonly registry?: ReadonlyMap<string, EditorEntry>;
  readonly furtherUrls?: readonly string[];
  readonly maxConnections?: number;
  /** The circuit breaker in front of a server. */
  readonly circuitOf?: (url: string) => CircuitBreaker;
}

/** Where editors are and how they are reached: places, one connection pool a server, project folders. */
export class EditorReach {
  readonly directory: EditorDirectory;
  readonly revisions = new EditorRevisions();
  private readonly options: ReachOptions;
  private readonly servers = new Map<string, UnityServer>();
  private readonly folders = new Map<string, ProjectFolder>();

  constructor(options: ReachOptions) {
    this.options = options;
    this.directory = new EditorDirectory({
      serverUrl: options.serverUrl,
      furtherUrls: options.furtherUrls ?? [],
      editors: options.editors ?? [],
      registry: options.registry ?? new Map(),
      resolve: options.resolve ?? null,
      listInstances: (signal, url) => this.instances(url, signal),
      clock: options.clock,
    });
  }

  async place(editor: string, signal: AbortSignal): Promise<PlaceAnswer> {
    const found = await this.directory.place(editor, signal);
    signal.throwIfAborted();
    return found;
  }

  /** Null: out of this machine's reach. Undefined: configured and not there. */
  folder(place: EditorPlace): ProjectFolder | null | undefined {
    if (place.projectFolder === null) return null;
    const known = this.folders.get(place.projectFolder);
    if (known) return known;
    try {
      const folder = new ProjectFolder(place.projectFolder);
      this.folders.set(place.projectFolder, folder);
      return folder;
    } catch {
      return undefined;
    }
  }

  server(url: string): UnityServer {
    let server = this.servers.get(url);
    if (!server) {
      const { auth = {}, clock, maxConnections, circuitOf } = this.options;
      server = new UnityServer(url, auth, () => clock.monotonicMs(), maxConnections, circuitOf?.(url));
      this.servers.set(url, server);
    }
    return server;
  }

  async instances(url: string, signal: AbortSignal): Promise<Instances> {
    const instances = await listInstances(this.server(url), signal);
    this.revisions.listed(url, instances);
    return instances;
  }

  /** Every editor that configuration, the registry or a connection names, and whether it is there: one question a server. */
  async survey(signal: AbortSignal): Promise<SurveyedEditor[]> {
    const { serverUrl, editors = [], registry = new Map<string, EditorEntry>() } = this.options;
    const urls = [
      ...new Set([serverUrl, ...[...registry.values()].map(({ mcpUrl }) => mcpUrl ?? serverUrl)]),
    ];
    const allowed = urls.filter((url) => this.directory.allows(url));
    const listed = await Promise.all(
      allowed.map(async (url) => [url, await this.instances(url, signal)] as const),
    );
    return surveyOf({
      serverUrl,
      configured: editors,
      entries: [...registry.values()],
      listed: new Map(listed),
    });
  }

  async close(): Promise<void> {
    const servers = [...this.servers.values()];
    this.servers.clear();
    await Promise.all(servers.map((server) => server.close()));
  }
}

import { lstatSync } from 'node:fs';
import type { EditorPlace } from './editorDirectory.js';
import type { Instances } from './instances.js';
import type { ProjectFolder } from './projectFolder.js';

type Place = Pick<EditorPlace, 'instance' | 'serverUrl'>;

interface Marks {
  content: number;
  scene: number;
  /** Unity's own session with its MCP server, as last listed. */
  session: string | undefined;
}

/**
 * How often what an editor shows may have changed, by Unity instance: two names of one instance share it. It moves before anything that
 * may change something is sent and again when it has ended, with each new session of the editor (a domain reload: somebody may have
 * changed anything meanwhile), and for pictures of the active scene whenever another scene is loaded.
 *
 * What it cannot see is work by hand in the editor: nothing tells of it, but for a scene file that is saved where the project folder is
 * at hand (`stampOf`). A picture may be that old: five minutes at most, the cache's term.
 */
export class EditorRevisions {
  readonly #marks = new Map<string, Marks>();

  /** Something that may change what the editor shows is about to be sent, or has ended. */
  changed(place: Place, what: 'content' | 'scene'): void {
    this.#of(place)[what]++;
  }

  /** What the server lists now. Another session of the same instance is an editor that was away. */
  listed(serverUrl: string, instances: Instances): void {
    if (instances.kind !== 'known') return;
    for (const [instance, session] of instances.sessions) {
      const marks = this.#of({ serverUrl, instance });
      if (marks.session !== undefined && marks.session !== session) marks.content++;
      marks.session = session;
    }
  }

  /** `scenePath` undefined: of the active scene, whichever that is. */
  of(place: Place, scenePath: string | undefined): string {
    const { content, scene } = this.#of(place);
    return `${keyOf(place)} ${content}${scenePath === undefined ? `.${scene}` : ''}`;
  }

  #of(place: Place): Marks {
    const key = keyOf(place);
    const known = this.#marks.get(key);
    if (known) return known;
    const marks: Marks = { content: 0, scene: 0, session: undefined };
    this.#marks.set(key, marks);
    return marks;
  }
}

const keyOf = ({ instance, serverUrl }: Place): string => `${serverUrl} ${instance}`;

/** Tells a file that was written anew from the one before; empty where it cannot be looked at. */
export function stampOf(folder: ProjectFolder | null | undefined, path: string | undefined): string {
  if (!folder || path === undefined) return '';
  const place = folder.confine(path);
  if (place.kind !== 'inside') return '';
  const stat = lstatSync(place.absolute, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.mtimeNs}-${stat.size}-${stat.ino}` : 'absent';
}

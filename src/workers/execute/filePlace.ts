import { sha256 } from '../../core/ids.js';
import type { FileChange, FileContent, Probe } from '../editor.js';
import type { PreparedChange } from '../lanes/task.js';

/** What a look at a file says about the change that is planned for it. Pure. */

/** Which waypoint the file stands at; -1: none. Equal bytes are one step short while the `.meta` to be replaced still lies beside them. */
export function placeOf({ change, waypoints }: PreparedChange, probe: Probe): number {
  const at = waypoints.lastIndexOf(probe.state === 'present' ? probe.sha256 : '');
  const isLast = at > 0 && at === waypoints.length - 1 && waypoints[at - 1] === waypoints[at];
  if (!isLast || probe.state !== 'present') return at;
  const [was, wanted] = [change.before?.meta, change.after?.meta];
  const lying = probe.content.meta;
  if (!was || !wanted || !lying || Buffer.compare(was, wanted) === 0) return at;
  return Buffer.compare(lying, was) === 0 ? at - 1 : at;
}

/** On disk, but the editor has no `.meta` for it yet: it was away, or its worker died right after the write. */
export function wantsNotice({ steps }: PreparedChange, probe: Probe): boolean {
  return probe.state === 'present' && probe.content.meta === null && steps.at(-1)?.takesNotice === true;
}

/** Says what became of a `.meta` that should lie there and does not. */
export function metaWarning({ after: wanted }: FileChange, found: FileContent | null): string | undefined {
  if (wanted?.meta == null || found === null) return undefined;
  if (found.meta === null)
    return 'the .meta was not restored: there is none yet, or the project folder is out of reach (see UNITY_EDITORS)';
  const same = sha256(wanted.meta) === sha256(found.meta);
  return same ? undefined : 'the .meta is not what it was: Unity or somebody else rewrote it';
}

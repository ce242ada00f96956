import { type FileImage, type LoggedEvent, movesOf } from '../../events/event.js';

/** Adds the images that an event's operations name, with their sizes in bytes, to the batch's. */
export function addImageNeeds(needs: Map<string, number>, { event }: Pick<LoggedEvent, 'event'>): void {
  for (const { operation } of movesOf(event))
    for (const image of [operation.before, operation.after]) if (image !== null) addImage(needs, image);
}

function addImage(needs: Map<string, number>, image: FileImage): void {
  needs.set(image.sha256, image.bytes);
  if (image.meta !== null) needs.set(image.meta.sha256, image.meta.bytes);
}

/** Pure: images in groups of at most `maxBytes` and `maxImages`, so that memory stays bounded however large a batch's files are. */
export function imageGroups(
  needs: Iterable<readonly [sha: string, bytes: number]>,
  maxBytes: number,
  maxImages: number,
): string[][] {
  const groups: string[][] = [];
  let group: string[] = [];
  let groupBytes = 0;
  for (const [sha, bytes] of needs) {
    if (group.length > 0 && (groupBytes + bytes > maxBytes || group.length >= maxImages)) {
      groups.push(group);
      group = [];
      groupBytes = 0;
    }
    group.push(sha);
    groupBytes += bytes;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

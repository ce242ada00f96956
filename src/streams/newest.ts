import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';

/**
 * The newest message of a subject (wildcards allowed) as the stream's leader knows it; undefined when there is none.
 *
 * Not a direct get: with several copies any of them answers those, and one that is behind says "no such message" of what is stored and
 * acknowledged. Where only a miss would be wrong (content by its hash), ask directly first and here when there is nothing.
 */
export async function newestOf(
  manager: JetStreamManager,
  stream: string,
  subject: string,
): Promise<StoredMsg | undefined> {
  return (await manager.streams.getMessage(stream, { last_by_subj: subject })) ?? undefined;
}

import type { NatsConnection } from 'nats';
import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { editorAt, type Work, workload } from './workload.js';

const EVERY_MS = { least: 800, most: 2_000 };
const FLOOD = 12;
/** Frames of previews that end last are still on their way. */
const LISTEN_ON_MS = 3_000;

/** Previews in floods, each of another size so that none is answered from the cache, and a plain subscriber who writes down what comes. */
export function telemetry(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('telemetry', options, async (work) => {
    const { signal, prefix, random } = work;
    const nc = await work.nats();
    const stop = listen(work, nc);
    const client = work.client('telemetry');
    for (let n = 0; !signal.aborted; n++) {
      const flood = n % 5 === 0 ? FLOOD : 1;
      await Promise.all(
        Array.from({ length: flood }, (_, at) =>
          client.sendUntilAnswered(
            {
              type: 'unity.render_preview',
              session: `${prefix}-frames-${at % 3}`,
              editor: editorAt(work, n + at).name,
              key: `k-${prefix}-frame-${n}-${at}`,
              payload: { width: 16 + ((n * FLOOD + at) % 200), height: 16, format: 'png', mode: 'fast' },
            },
            () => (random.next() < 0.5 ? 'http' : 'nats'),
            signal,
          ),
        ),
      );
      await pause(random.between(EVERY_MS.least, EVERY_MS.most), signal);
    }
    await pause(LISTEN_ON_MS, new AbortController().signal);
    stop();
  });
}

const SUBJECTS = { frame: 'spark.preview.unity.frame.*', progress: 'spark.build.unity.progress.*' } as const;

/** Writes down every frame and tick of this run's sessions, and when the connection was away. Returns how to end it. */
function listen({ history, prefix }: Work, nc: NatsConnection): () => void {
  const subscriber = 'frames';
  const subscriptions = (['frame', 'progress'] as const).map((happened) =>
    nc.subscribe(SUBJECTS[happened], {
      callback: (error, message) => {
        if (error) return;
        const { sessionId: session, commandId } = message.json<{ sessionId: string; commandId: string }>();
        if (session.startsWith(prefix))
          history.write({ kind: 'telemetry', happened, subscriber, session, commandId });
      },
    }),
  );
  let listening = true;
  history.write({ kind: 'telemetry', happened: 'up', subscriber });
  void (async () => {
    for await (const { type } of nc.status()) {
      if (!listening) return;
      if (type === 'disconnect') history.write({ kind: 'telemetry', happened: 'down', subscriber });
      if (type === 'reconnect') history.write({ kind: 'telemetry', happened: 'up', subscriber });
    }
  })().catch(() => undefined);
  return () => {
    listening = false;
    for (const subscription of subscriptions) subscription.unsubscribe();
    history.write({ kind: 'telemetry', happened: 'down', subscriber });
  };
}

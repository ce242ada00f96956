const ANSWER_MS = 1_000;
/** What a worker listens on to be asked whether it lives; its id stands at the end. */
const ASKED_AT = /^spark\.internal\.worker\.([A-Za-z0-9_-]+)$/;

interface Connections {
  readonly connections?: readonly {
    readonly port?: number;
    readonly subscriptions_list?: readonly string[];
  }[];
}

/** The id of the worker that speaks to NATS from one of those local ports, by the servers' own monitoring; undefined when none does. */
export async function workerBehind(
  monitorUrls: readonly string[],
  localPorts: readonly number[],
): Promise<string | undefined> {
  const answers = await Promise.all(monitorUrls.map(connectionsAt));
  return answers
    .flatMap(({ connections = [] }) => connections)
    .filter(({ port }) => port !== undefined && localPorts.includes(port))
    .flatMap(({ subscriptions_list = [] }) => subscriptions_list)
    .flatMap((subject) => ASKED_AT.exec(subject)?.[1] ?? [])[0];
}

async function connectionsAt(monitorUrl: string): Promise<Connections> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ANSWER_MS);
  try {
    const response = await fetch(`${monitorUrl}/connz?subs=1&limit=1024`, { signal: limit.signal });
    return (await response.json()) as Connections;
  } catch {
    return {}; // down: it knows of nobody
  } finally {
    clearTimeout(timer);
  }
}

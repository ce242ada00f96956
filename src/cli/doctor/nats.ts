import { connect } from 'node:net';
import { z } from 'zod';
import { messageOf } from '../../core/errors.js';
import { type Finding, ill, well } from './finding.js';

const DEFAULT_PORT = 4222;
const TIMEOUT_MS = 2_000;
const MAX_INFO_CHARS = 65_536;
const MINIMUM = { major: 2, minor: 14 };

const greeting = z.looseObject({ version: z.string(), jetstream: z.boolean().default(false) });

/** Each of the servers in `url` (comma-separated): a cluster works without one of three, but somebody should know. */
export async function checkNats(url: string): Promise<Finding> {
  const servers = url.split(',').map((one) => one.trim());
  const findings = await Promise.all(servers.map(checkServer));
  const sick = findings.find(({ ok }) => !ok);
  if (sick) return sick;
  return well('nats', [...new Set(findings.map(({ detail }) => detail))].join('; '));
}

/** Whether a new enough nats-server with JetStream greets at that URL. Its first line says both, before any login. */
async function checkServer(url: string): Promise<Finding> {
  const name = 'nats';
  const fix = 'Is the server running, and NATS_URL right? The embedded one lives with `npm start`.';
  if (!URL.canParse(url)) return ill(name, `${url} is no URL`, 'Correct NATS_URL.');
  const { hostname, port } = new URL(url);
  try {
    const info = greeting.parse(JSON.parse(await readGreeting(hostname, Number(port) || DEFAULT_PORT)));
    const [major = 0, minor = 0] = info.version.split('.').map(Number);
    if (major < MINIMUM.major || (major === MINIMUM.major && minor < MINIMUM.minor))
      return ill(
        name,
        `nats-server ${info.version}`,
        `At least ${MINIMUM.major}.${MINIMUM.minor} is needed: older ones lose data.`,
      );
    if (!info.jetstream)
      return ill(name, 'JetStream is off', 'Start the server with JetStream: nats-server -js');
    return well(name, `nats-server ${info.version}, JetStream on`);
  } catch (error) {
    return ill(name, `${hostname}:${port || DEFAULT_PORT}: ${messageOf(error)}`, fix);
  }
}

/** The JSON behind `INFO ` of the line every NATS server sends first. */
function readGreeting(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port });
    let received = '';
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(new Error(`no greeting within ${TIMEOUT_MS} ms`)));
    socket.on('error', fail);
    socket.on('close', () => reject(new Error('closed without a greeting')));
    socket.on('data', (chunk) => {
      received += chunk.toString('utf8');
      const line = /^INFO (.*)\r\n/.exec(received)?.[1];
      if (line !== undefined) {
        resolve(line);
        socket.destroy();
      } else if (received.length > MAX_INFO_CHARS || !'INFO '.startsWith(received.slice(0, 5)))
        fail(new Error('what answers there is no NATS server'));
    });
  });
}

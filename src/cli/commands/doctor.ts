import type { Command } from 'commander';
import { messageOf } from '../../core/errors.js';
import { createApi } from '../api.js';
import { type ConnectionOptions, homeOf, resolveConnection } from '../connection.js';
import type { Finding } from '../doctor/finding.js';
import { ill } from '../doctor/finding.js';
import { checkHttp } from '../doctor/http.js';
import { checkDisk, checkEndpoints, checkHome, checkNode } from '../doctor/local.js';
import { checkNats } from '../doctor/nats.js';
import { checkUnity } from '../doctor/unity.js';
import { readEndpoints } from '../endpoints.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { liveLine } from '../liveLine.js';
import { paint, printable } from '../text.js';
import { type CommandContext, clientCommand, examples, print } from './context.js';

export function doctorCommand(context: CommandContext): Command {
  return clientCommand('doctor', 'Look at every part, name what is wrong and how to mend it')
    .addHelpText('after', examples(['spark doctor', 'spark doctor --url https://spark.example.org --json']))
    .action(async (options: ConnectionOptions) => context.run(() => doctor(context.host, options)));
}

async function doctor(host: CliHost, options: ConnectionOptions): Promise<number> {
  const line = liveLine(host, true);
  line.show('looking at every part');
  const findings = await examine(host, options).finally(() => line.stop());
  const ok = findings.every((finding) => finding.ok);
  print(host, options, { ok, checks: findings }, () =>
    findings.map((finding) => findingText(host, finding)).join(''),
  );
  if (!options.json)
    host.err(ok ? 'All is well.\n' : 'Something is wrong; the lines with "fix" say what to do.\n');
  return ok ? EXIT.ok : EXIT.failed;
}

/** A SPARK that a URL names is asked over HTTP only: the parts behind it are not for us to reach. */
async function examine(host: CliHost, options: ConnectionOptions): Promise<Finding[]> {
  const http = httpFindings(host, options);
  if (options.url !== undefined || host.env.url !== undefined) return [checkNode(), ...(await http)];
  const home = homeOf(options, host.env);
  const reading = readEndpoints(home);
  const local = [checkNode(), checkHome(home), await checkDisk(home), checkEndpoints(reading)];
  if (reading.state !== 'found') return local;
  const { nats, postgres, replica, unityMcp } = reading.endpoints;
  // The driver is loaded for this command alone.
  const { checkPrimary, checkReplica } = await import('../doctor/postgres.js');
  const parts = await Promise.all([
    nats ? checkNats(nats) : undefined,
    postgres ? checkPrimary(postgres) : undefined,
    replica ? checkReplica(replica) : undefined,
    unityMcp ? checkUnity(unityMcp, host.fetch) : undefined,
  ]);
  return [...local, ...(await http), ...parts.filter((part) => part !== undefined)];
}

async function httpFindings(host: CliHost, options: ConnectionOptions): Promise<Finding[]> {
  try {
    return await checkHttp(createApi(resolveConnection(options, host.env), host));
  } catch (error) {
    return [ill('http', messageOf(error), 'Start one with `npm start`, or say where it is with --url.')];
  }
}

function findingText(host: CliHost, finding: Finding): string {
  const mark = finding.ok ? paint(host, 'green', 'ok  ') : paint(host, 'red', 'FAIL');
  const fix = finding.fix === undefined ? '' : `\n      fix: ${printable(finding.fix)}`;
  return `${mark}  ${printable(finding.name).padEnd(18)} ${printable(finding.detail)}${fix}\n`;
}

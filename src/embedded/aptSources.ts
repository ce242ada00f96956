/**
 * Reads the machine's apt sources, to fetch from the same mirror under the same keys and only another suite. Pure:
 * text in, text out. Both formats of sources.list(5): deb822 (`.sources`) and one line per source (`.list`).
 */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** What else the source says, in deb822's names (Signed-By, Architectures, Trusted, …); values may span lines. */
  readonly options: ReadonlyMap<string, string>;
}

const RELEASE_ALIASES = new Set(['stable', 'oldstable', 'testing', 'unstable', 'sid', 'devel']);
const OWN_FIELDS = new Set(['types', 'uris', 'suites', 'components', 'enabled']);

/** The enabled binary sources of a deb822 file. */
export function parseDeb822(text: string): AptSource[] {
  const withoutComments = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  return withoutComments.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = parseStanza(stanza);
    const words = (name: string): string[] =>
      (fields.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
    if (!words('types').includes('deb') || fields.get('enabled')?.toLowerCase() === 'no') return [];
    const options = new Map([...fields].filter(([name]) => !OWN_FIELDS.has(name)));
    return [{ uris: words('uris'), suites: words('suites'), components: words('components'), options }];
  });
}

/** The binary sources of a one-line file. */
export function parseOneLine(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) return [];
    const [, bracket = '', uri = '', suite = '', rest = ''] = match;
    const options = new Map<string, string>();
    for (const option of bracket.split(/\s+/)) {
      const [name, value] = option.split('=', 2);
      if (name === undefined || value === undefined) continue;
      options.set(name === 'arch' ? 'architectures' : name.toLowerCase(), value.replaceAll(',', ' '));
    }
    return [
      { uris: [uri], suites: [suite], components: rest.split(/\s+/).filter((word) => word !== ''), options },
    ];
  });
}

/**
 * deb822 text that names the newest suite on the mirrors of the distribution itself: Debian's `testing`, Ubuntu's
 * `devel`. Third-party sources (other suites, no `main`) and the security archive are left out.
 * Empty when there is no such source.
 */
export function newestSuiteSources(
  sources: readonly AptSource[],
  os: { id: string; codename: string },
): string {
  const suite = os.id === 'ubuntu' ? 'devel' : 'testing';
  const components = os.id === 'ubuntu' ? 'main universe' : 'main';
  const seen = new Set<string>();
  const stanzas: string[] = [];
  for (const source of sources) {
    const isRelease = source.suites.some((name) => name === os.codename || RELEASE_ALIASES.has(name));
    const uris = source.uris.filter((uri) => !uri.startsWith('cdrom:') && !seen.has(uri));
    if (!isRelease || uris.length === 0 || !source.components.includes('main')) continue;
    for (const uri of uris) seen.add(uri);
    const options = [...source.options].map(([name, value]) => `${name}: ${value}`);
    stanzas.push(
      [
        'Types: deb',
        `URIs: ${uris.join(' ')}`,
        `Suites: ${suite}`,
        `Components: ${components}`,
        ...options,
      ].join('\n'),
    );
  }
  return stanzas.length === 0 ? '' : `${stanzas.join('\n\n')}\n`;
}

/** The distribution that /etc/os-release describes. */
export function parseOsRelease(text: string): { id: string; codename: string } {
  const value = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), codename: value('VERSION_CODENAME') };
}

function parseStanza(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last: string | undefined;
  for (const line of stanza.split('\n')) {
    const field = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line);
    if (field !== null) {
      last = (field[1] ?? '').toLowerCase();
      fields.set(last, field[2] ?? '');
    } else if (last !== undefined && /^[ \t]/.test(line)) {
      fields.set(last, `${fields.get(last) ?? ''}\n${line}`);
    }
  }
  return fields;
}

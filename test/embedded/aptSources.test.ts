import { describe, expect, it } from 'vitest';
import {
  newestSuiteSources,
  parseDeb822,
  parseOneLine,
  parseOsRelease,
} from '../../src/embedded/aptSources.js';

const DEBIAN = { id: 'debian', codename: 'bookworm' };
const DEB822 = `Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe("the machine's apt sources", () => {
  it('given deb822 sources, then only the suite changes and the security archive is left out', () => {
    expect(newestSuiteSources(parseDeb822(DEB822), DEBIAN)).toBe(
      [
        'Types: deb',
        'URIs: http://mirror.example/debian',
        'Suites: testing',
        'Components: main',
        'signed-by: /usr/share/keyrings/debian.gpg\n',
      ].join('\n'),
    );
  });

  it('given an inlined key, then it is kept whole', () => {
    const key = ' -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----';
    const text = `Types: deb\nURIs: http://m.example/debian\nSuites: stable\nComponents: main\nSigned-By:\n${key}\n`;
    expect(newestSuiteSources(parseDeb822(text), DEBIAN)).toContain(`signed-by: \n${key}`);
  });

  it('given one-line sources with options, then the options are kept', () => {
    const text =
      '# deb http://off.example/debian bookworm main\n' +
      'deb-src http://m.example/debian bookworm main\n' +
      'deb [arch=amd64,arm64 signed-by=/k.gpg] http://m.example/debian bookworm main non-free # mine\n' +
      'deb cdrom:[Debian]/ bookworm main\n';
    expect(newestSuiteSources(parseOneLine(text), DEBIAN)).toBe(
      'Types: deb\nURIs: http://m.example/debian\nSuites: testing\nComponents: main\narchitectures: amd64 arm64\nsigned-by: /k.gpg\n',
    );
  });

  it('given a third-party source or a disabled one, then there is nothing to fetch from', () => {
    const text =
      'Types: deb\nURIs: http://node.example\nSuites: nodistro\nComponents: main\n\n' +
      'Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n';
    expect(newestSuiteSources(parseDeb822(text), DEBIAN)).toBe('');
  });

  it('given Ubuntu, then its newest suite and universe are named', () => {
    const os = parseOsRelease('NAME="Ubuntu"\nID=ubuntu\nVERSION_CODENAME=noble\n');
    const text = newestSuiteSources(parseOneLine('deb http://u.example/ubuntu noble main restricted\n'), os);
    expect(text).toContain('Suites: devel\nComponents: main universe');
  });
});

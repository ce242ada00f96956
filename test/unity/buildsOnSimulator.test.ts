import { describe, expect, it } from 'vitest';
import { editorBuildOf, readConsole } from '../../src/unity/builds.js';
import { openLocalGate } from '../support/openGate.js';
import { gateBuildSuite } from '../support/portSuites/gateBuildSuite.js';

describe('the gate in this process', () => gateBuildSuite(openLocalGate));

describe('what a build answer says', () => {
  it.each([
    [
      { _mcp_status: 'pending', _mcp_poll_interval: 2, data: { job_id: 'j' } },
      { state: 'running', pollMs: 2_000 },
    ],
    [{ data: { result: 'Succeeded', total_size_mb: 1.5 } }, { state: 'succeeded', totalBytes: 1_572_864 }],
    [{ data: { result: 'skipped', error: 'a\u202Eb' } }, { state: 'cancelled', error: 'a b' }],
    [{ data: { result: 'pending', percent: 250 } }, { state: 'running', percent: 100 }],
    [{ data: {} }, null],
  ])('given %j', (body, build) => {
    const read = editorBuildOf({ success: true, ...body });
    if (build === null) expect(read).toBeNull();
    else expect(read).toMatchObject(build);
  });

  it('given the console of another build with a longer name, then it is not this one', () => {
    const lines = ['noise', '[MCP Build] Build succeeded: WebGL → C:\\Game\\Builds\\webgl\\c-1 (1 MB, 2s)'];
    expect(readConsole(lines, 'Builds/webgl/c-1').succeeded).toBe(true);
    expect(readConsole(lines, 'Builds/webgl/c-2')).toEqual({ succeeded: false, lastLine: lines[1] });
    expect(readConsole(['Builds/webgl/c-1 succeeded'], 'Builds/webgl/c-1').succeeded).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import type { RebuildOptions, RebuildProgress } from '../../src/cli/host.js';
import { progressText } from '../../src/cli/rebuildBar.js';
import { spark } from './runSpark.js';

const progress = (over: Partial<RebuildProgress> = {}): RebuildProgress => ({
  ...{ phase: 'folding', percent: 12.345, events: 1_234, eventsPerS: 61_000.4, etaMs: 12_000, ...over },
});

const asked = async (
  argv: readonly string[],
): Promise<{ exitCode: number; options: RebuildOptions | undefined }> => {
  let options: RebuildOptions | undefined;
  const runtime = {
    runRebuild: (given: RebuildOptions) => {
      options = given;
      return Promise.resolve(0);
    },
  };
  const { exitCode } = await spark(['rebuild', ...argv], { runtime });
  return { exitCode, options };
};

describe('spark rebuild', () => {
  it('passes on what was asked for', async () => {
    expect((await asked(['all', '--rollback'])).options).toMatchObject({
      readModels: ['all'],
      rollback: true,
    });
    expect((await asked(['--until', '5', '--schema', 's', '--anew', '--accept-loss'])).options).toMatchObject(
      {
        ...{ readModels: [], until: '5', schema: 's', anew: true, acceptLoss: true, rollback: false },
      },
    );
    expect((await asked(['--drop-schema', 's'])).options).toMatchObject({ dropSchema: 's' });
  });

  it.each([
    [['--until', '5', '--rollback']],
    [['--drop-schema', 's', '--until', '5']],
    [['--schema', 's']],
    [['spark_events', '--drop-schema', 's']],
  ])('refuses %j', async (argv) => {
    expect(await asked(argv)).toEqual({ exitCode: 2, options: undefined });
  });

  it('without a terminal tells progress as plain lines, one a change of phase at once', async () => {
    const runtime = {
      runRebuild: ({ onProgress, onEnd }: RebuildOptions) => {
        for (const phase of ['emptying', 'folding', 'folding', 'flipping'] as const)
          onProgress(progress({ phase }));
        onEnd();
        return Promise.resolve(0);
      },
    };
    const { err, out } = await spark(['rebuild'], { runtime });
    expect(err.split('\n').length).toBe(4);
    expect(err).toContain('12.3 % · folding the log · 1234 events, 61000/s · 12.0 s left');
    expect(out).toBe('');
    const json = await spark(['rebuild', '--json'], { runtime });
    expect(json.err).toBe('');
    const lines = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { progress: RebuildProgress });
    expect(lines.map((line) => line.progress.phase)).toEqual(['emptying', 'folding', 'flipping']);
  });

  it('says nothing of a rate or an end that it does not know', () => {
    expect(progressText(progress({ eventsPerS: 0, etaMs: null }))).toBe(
      '12.3 % · folding the log · 1234 events',
    );
  });

  it('has a help that names what may be asked', async () => {
    const { out } = await spark(['rebuild', '--help']);
    for (const word of ['--until', '--rollback', '--drop-schema', '--anew', 'Examples:', 'docs/rebuild.md'])
      expect(out).toContain(word);
  });
});

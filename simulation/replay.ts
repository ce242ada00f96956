import { runSeed } from './scenario.js';
import type { Size } from './size.js';

/** Runs one seed twice with its whole trace, prints it, and says whether both were the same. Resolves with the exit code. */
export async function replay(seed: number, size?: Size): Promise<number> {
  const first = await runSeed(seed, true, size);
  const second = await runSeed(seed, false, size);
  for (const line of first.trace) console.log(line);
  console.log(
    `seed ${seed} (${first.size}): ${first.commands} commands, ${first.events} events, ${first.tookMs} ms of virtual time`,
  );
  const same = first.digest === second.digest;
  console.log(
    same
      ? `digest ${first.digest}, twice the same`
      : `NOT DETERMINISTIC: ${first.digest}, then ${second.digest}`,
  );
  for (const violation of first.violations) console.log(`VIOLATED ${violation}`);
  return same && first.violations.length === 0 ? 0 : 1;
}

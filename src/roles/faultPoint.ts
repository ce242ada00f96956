import { FAULT_POINTS, type FaultPoint } from '../workers/execute/executeContext.js';

/**
 * Kills this process with SIGKILL at a named step, for tests of crash safety: `after_call` the first time, `after_call:3` the third.
 * Without a setting it is an empty function.
 */
export function createFaultPoint(setting: string | undefined): (name: FaultPoint) => void {
  if (setting === undefined) return () => undefined;
  const [wanted, times] = setting.split(':');
  if (!FAULT_POINTS.some((name) => name === wanted))
    throw new RangeError(`SPARK_FAULT_POINT "${wanted}" is none of ${FAULT_POINTS.join(', ')}`);
  let left = Number(times ?? 1);
  return (name) => {
    if (name === wanted && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}

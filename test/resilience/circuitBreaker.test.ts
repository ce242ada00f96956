import { describe, expect, it } from 'vitest';
import { CircuitBreaker, CircuitOpenError, type CircuitState } from '../../src/resilience/circuitBreaker.js';
import { AutoClock } from '../support/autoClock.js';

const LIMITS = { consecutiveFailures: 3, failureRatio: 0.5, windowCalls: 10, openMs: 1_000 };
const never = new AbortController().signal;

function setUp(limits = LIMITS) {
  const clock = new AutoClock();
  const states: CircuitState[] = [];
  let calls = 0;
  const circuit = new CircuitBreaker({
    endpoint: 'cv',
    clock,
    limits,
    onState: (state) => states.push(state),
  });
  const succeed = () =>
    circuit.execute(async () => {
      calls++;
      return 'answer';
    }, never);
  const fail = () =>
    circuit
      .execute(async () => {
        calls++;
        throw new Error('broken');
      }, never)
      .catch((error: Error) => error);
  const trip = async () => {
    for (let at = 0; at < limits.consecutiveFailures; at++) await fail();
  };
  return { clock, circuit, states, succeed, fail, trip, calls: () => calls };
}

/** A call whose end the test decides. */
function pending(circuit: CircuitBreaker, signal = never) {
  let settle: { resolve: (value: string) => void; reject: (error: unknown) => void } | undefined;
  const done = circuit.execute(
    () =>
      new Promise<string>((resolve, reject) => {
        settle = { resolve, reject };
      }),
    signal,
  );
  return { done, resolve: () => settle?.resolve('late'), reject: (error: unknown) => settle?.reject(error) };
}

describe('a circuit breaker', () => {
  it('given failures in a row, it opens and lets nothing through until its time has come', async () => {
    const { clock, circuit, states, succeed, trip, calls } = setUp();
    await trip();
    expect(circuit.state).toBe('open');
    clock.advance(999);
    await expect(succeed()).rejects.toMatchObject({ code: 'circuit_open', retryAfterMs: 1 });
    expect(calls(), 'calls that reached the endpoint').toBe(3);
    expect(states).toEqual(['open']);
  });

  it('given a share of failures among successes, it opens as well', async () => {
    const { circuit, succeed, fail } = setUp({ ...LIMITS, consecutiveFailures: 100, windowCalls: 4 });
    for (const act of [fail, succeed, fail, succeed]) await act();
    expect(circuit.state, 'half of four').toBe('closed');
    await fail();
    await fail();
    expect(circuit.state).toBe('open');
  });

  it('given a probe that succeeds, it closes and counts anew', async () => {
    const { clock, circuit, states, succeed, fail, trip } = setUp();
    await trip();
    clock.advance(1_000);
    expect(await succeed()).toBe('answer');
    expect(states).toEqual(['open', 'half_open', 'closed']);
    await fail();
    await fail();
    expect(circuit.state, 'two failures of three').toBe('closed');
  });

  it('given a probe that fails, it stays open for its time again', async () => {
    const { clock, circuit, succeed, fail, trip } = setUp();
    await trip();
    clock.advance(1_000);
    await fail();
    expect(circuit.state).toBe('open');
    expect(circuit.waitMs).toBe(1_000);
    clock.advance(1_000);
    await succeed();
    expect(circuit.state).toBe('closed');
  });

  it('lets one probe through at a time, and another when the first takes longer than its time', async () => {
    const { clock, circuit, succeed, trip } = setUp();
    await trip();
    clock.advance(1_000);
    const slow = pending(circuit);
    expect(circuit.state).toBe('half_open');
    await expect(succeed()).rejects.toBeInstanceOf(CircuitOpenError);
    clock.advance(1_000);
    await succeed();
    expect(circuit.state).toBe('closed');
    slow.reject(new Error('too late'));
    await expect(slow.done).rejects.toThrow('too late');
    expect(circuit.state, 'one late failure of three').toBe('closed');
  });

  it('given a probe whose caller gives up, the next one may look at once', async () => {
    const { clock, circuit, succeed, trip } = setUp();
    await trip();
    clock.advance(1_000);
    const caller = new AbortController();
    const probe = pending(circuit, caller.signal);
    caller.abort();
    probe.reject(caller.signal.reason);
    await expect(probe.done).rejects.toBe(caller.signal.reason);
    expect([circuit.state, circuit.waitMs]).toEqual(['open', 0]);
    await succeed();
    expect(circuit.state).toBe('closed');
  });

  it('given a call from before the opening that fails afterwards, its time does not begin anew', async () => {
    const { clock, circuit, trip } = setUp();
    const early = pending(circuit);
    await trip();
    clock.advance(600);
    early.reject(new Error('broken too'));
    await expect(early.done).rejects.toThrow();
    expect(circuit.waitMs).toBe(400);
  });

  it('given answers that the caller judges neutral, it neither opens nor closes', async () => {
    const { circuit } = setUp();
    for (let at = 0; at < 20; at++)
      await circuit.execute(
        async () => 'odd',
        never,
        () => 'neutral',
      );
    expect(circuit.state).toBe('closed');
  });
});

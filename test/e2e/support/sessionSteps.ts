import { expect } from 'vitest';
import type { Spark } from '../../support/spark.js';

type Result = Record<string, unknown>;

/** The steps of a story in one session, each of which must complete; `spark` is asked for at each step, because it starts later. */
export function sessionSteps(spark: () => Spark) {
  async function done(type: string, sessionId: string, payload: object, editor?: string): Promise<Result> {
    const answer = await spark().submitAndWait({
      type,
      sessionId,
      payload,
      ...(editor === undefined ? {} : { editor }),
    });
    expect(answer.body, `${type} in ${sessionId}`).toMatchObject({ state: 'completed' });
    expect(answer.status).toBe(200);
    return answer.body['result'] as Result;
  }
  const generate = (session: string, name: string, code: string, overwrite = false) =>
    done('unity.generate_script', session, { name, path: `Assets/${name}.cs`, code, overwrite });
  const undo = (session: string, operationId?: string) =>
    done('session.undo', session, operationId === undefined ? {} : { operationId });
  const redo = (session: string, operationId?: string) =>
    done('session.redo', session, operationId === undefined ? {} : { operationId });
  return { done, generate, undo, redo };
}

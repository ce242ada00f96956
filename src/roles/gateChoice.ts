import { randomUUID } from 'node:crypto';
import type { Service } from '../core/service.js';
import { GateClient } from '../gate/gateClient.js';
import { askGateIdentity } from '../gate/gateIdentity.js';
import { fileFenceStore } from '../unity/fenceStore.js';
import type { EditorGate } from '../workers/editor.js';
import type { SurveyedEditor } from '../workers/editorsPort.js';
import type { Circuits } from './circuits.js';
import type { RoleContext } from './context.js';
import { openEditorGate } from './editorGate.js';
import { tokenForGate } from './gateState.js';
import type { WorkerEditors } from './workerEditors.js';

/** A worker's way to its editors. */
export interface RoleGate {
  readonly gate: EditorGate & Service;
  survey(signal: AbortSignal): Promise<SurveyedEditor[]>;
  /** Which fence it is: workers may share the lanes only when it is the same one. One inside a worker is nobody else's. */
  readonly identity: string;
}

/**
 * A gate inside this worker, or a client of the one that `SPARK_GATE_URL` names. Waits for the latter, since nothing can be owned before
 * it is known which gate it is. Throws `NoGateTokenError`, `GateTokenError`, or the signal's reason.
 */
export async function createRoleGate(
  context: RoleContext,
  editors: Pick<WorkerEditors, 'registry' | 'health'>,
  circuits: Circuits,
  signal: AbortSignal = new AbortController().signal,
): Promise<RoleGate> {
  const { config, clock, logger, stateDir } = context;
  const onCall = ({ editor, outcome }: { readonly editor: string; readonly outcome: string }): void => {
    if (outcome !== 'away') editors.health.called(editor);
  };
  const { SPARK_GATE_URL: url } = config;
  if (url === undefined) {
    const own = { fenceStore: fileFenceStore(stateDir), onCall };
    const gate = openEditorGate(context, circuits, editors.registry.entries, own);
    return { gate, survey: (asked) => gate.survey(asked), identity: `in process ${randomUUID()}` };
  }
  const place = { url, token: tokenForGate(config, stateDir), clock };
  const waiting = (reason: string) =>
    logger.warn({ url, reason }, 'the gate cannot be asked yet; waiting for it');
  const identity = await askGateIdentity(place, waiting, signal);
  const gate = new GateClient({ ...place, identity, onCall });
  return { gate, survey: (asked) => gate.survey(asked), identity };
}

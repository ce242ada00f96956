import type { Answer, GateCall, Readiness } from '../workers/editor.js';
import type { EditorAccess } from './editorAccess.js';

/** The two ways through the gate that its parts share. */
export interface GateDoor {
  /** Fenced and serial: lane, token, place, ghosts gone, then `act`. `label` names the call in metrics. */
  alone<T extends Answer>(
    editor: string,
    label: string,
    call: GateCall,
    act: (access: EditorAccess) => Promise<T>,
  ): Promise<T | Answer>;

  /** For reads that need not wait for anybody's turn. */
  access(
    editor: string,
    signal: AbortSignal,
  ): Promise<EditorAccess | (Readiness & { readonly state: 'away' })>;
}

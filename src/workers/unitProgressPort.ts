/** Telemetry: how far a command that changes several files is. */
export interface UnitProgress {
  readonly sessionId: string;
  readonly commandId: string;
  readonly commandType: string;
  readonly editor: string;
  /** The file that has just been done. */
  readonly path: string;
  readonly filesDone: number;
  readonly filesTotal: number;
}

/** An editor that somebody names, and whether its Unity is connected. */
export interface SurveyedEditor {
  readonly editor: string;
  readonly source: 'configuration' | 'registry' | 'connection';
  /** `Name@hash`; null: not found. */
  readonly instance: string | null;
  /** Undefined: its MCP server cannot tell. */
  readonly connected: boolean | undefined;
  /** Why it is not connected, or cannot be told. */
  readonly reason: string | null;
}

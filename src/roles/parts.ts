import type { NatsCredentials } from '../streams/connection.js';
import type { NatsRole } from '../streams/permissions.js';
import type { EditorResolver } from '../unity/editorDirectory.js';
import type { ConfiguredEditor } from '../unity/parseUnityEditors.js';

/** The servers SPARK stands on, embedded or the operator's own: where they are and how each role gets in. */
export interface Parts {
  readonly nats: {
    readonly url: string;
    readonly wsUrl: string | null;
    credentials(role: NatsRole): NatsCredentials | undefined;
  };
  readonly postgres: {
    /** Of a user who may create roles and schemas. */
    readonly adminUrl: string;
    urlOf(role: DatabaseRole, server: 'primary' | 'replica'): string;
    readonly hasReplica: boolean;
    /** Passwords to set at the start; empty where the operator's own users are used. */
    readonly passwords: Partial<Record<DatabaseRole, string>>;
  };
  readonly unity: {
    readonly mcpUrl: string;
    readonly token: string | undefined;
    readonly editors: readonly ConfiguredEditor[];
    readonly resolve: EditorResolver | undefined;
  };
  /** Undefined: none configured. */
  readonly services: { readonly cv: ServicePlace | undefined; readonly asr: ServicePlace | undefined };
}

export interface ServicePlace {
  readonly url: string;
  readonly token: string | undefined;
}

export type DatabaseRole = 'spark_projector' | 'spark_ingest' | 'spark_dashboard_ro';

/** MCP sessions as CoplayDev's server keeps them: in memory only, each with the instance it has chosen. */
import { randomUUID } from 'node:crypto';

export interface Session {
  readonly id: string;
  /** `Name@hash` of the chosen editor. */
  activeInstance?: string;
  /** Closes the session's standing event stream. */
  closeStream?: () => void;
}

const SESSIONS_MAX = 4096;

export interface Sessions {
  open(): Session;
  find(id: string): Session | undefined;
  close(id: string): boolean;
  forgetAll(): void;
  readonly size: number;
}

export function createSessions(): Sessions {
  const sessions = new Map<string, Session>();
  const drop = (session: Session): void => {
    sessions.delete(session.id);
    session.closeStream?.();
  };
  return {
    open() {
      const oldest = sessions.values().next().value;
      if (sessions.size >= SESSIONS_MAX && oldest !== undefined) drop(oldest);
      const session: Session = { id: randomUUID().replaceAll('-', '') };
      sessions.set(session.id, session);
      return session;
    },
    find: (id) => sessions.get(id),
    close(id) {
      const session = sessions.get(id);
      if (session === undefined) return false;
      drop(session);
      return true;
    },
    forgetAll() {
      for (const session of [...sessions.values()]) drop(session);
    },
    get size() {
      return sessions.size;
    },
  };
}

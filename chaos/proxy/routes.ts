import { startTcpProxy, type TcpProxy } from './tcpProxy.js';

/** What the servers of a cluster say to each other goes through here, each direction of each pair on a wire of its own. */
export interface Routes {
  /** The port under which `from` reaches `to`. */
  lay(from: string, to: string, port: number): Promise<number>;
  /** Nothing moves any more between that server and the others; nobody is told, and what was sent arrives when it is healed. */
  isolate(name: string): void;
  heal(): void;
  close(): Promise<void>;
}

export function createRoutes(): Routes {
  const wires: { readonly from: string; readonly to: string; readonly proxy: TcpProxy }[] = [];
  return {
    lay: async (from, to, port) => {
      const proxy = await startTcpProxy(port);
      wires.push({ from, to, proxy });
      return proxy.port;
    },
    isolate: (name) => {
      for (const { from, to, proxy } of wires)
        if (from === name || to === name) proxy.hurt({ kind: 'black_hole' });
    },
    heal: () => {
      for (const { proxy } of wires) proxy.heal();
    },
    close: async () => {
      await Promise.all(wires.map(({ proxy }) => proxy.close()));
    },
  };
}

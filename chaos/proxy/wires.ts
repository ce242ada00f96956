import type { ProcessKind, Wire } from '../ports.js';
import { startTcpProxy, type TcpProxy } from './tcpProxy.js';

/** A wire between two processes of the system: one address (a cluster: one a server) that stays for the whole run. */
export interface ProxiedWire extends Wire {
  readonly ports: readonly number[];
  /** See `TcpProxy.upstreamPorts`. */
  readonly upstreamPorts: readonly number[];
  close(): Promise<void>;
}

/** Lays a wire to those loopback ports; in a cluster each server has its own, and a fault is on all of them. */
export async function layWire(
  from: string,
  to: ProcessKind,
  targetPorts: readonly number[],
): Promise<ProxiedWire> {
  const proxies: TcpProxy[] = await Promise.all(targetPorts.map((port) => startTcpProxy(port)));
  return {
    name: `${from}→${to}`,
    from,
    to,
    ports: proxies.map(({ port }) => port),
    get upstreamPorts() {
      return proxies.flatMap(({ upstreamPorts }) => upstreamPorts);
    },
    hurt: (fault) => {
      for (const proxy of proxies) proxy.hurt(fault);
    },
    heal: () => {
      for (const proxy of proxies) proxy.heal();
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

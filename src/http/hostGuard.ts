const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Whether an address (of a listener or of a peer) never leaves this machine. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.replace(/^::ffff:/i, '');
  return address === '::1' || address === 'localhost' || /^127(\.\d{1,3}){3}$/.test(plain);
}

/**
 * Keeps pages of other sites out: with DNS rebinding a browser can be made to speak to a loopback port, but it still sends
 * the other site's name as `Host`. Bound to anything else the names are not ours to know, unless they are configured.
 */
export function createHostGuard(
  boundHost: string,
  configured: readonly string[],
): (hostHeader: string | undefined) => boolean {
  if (!isLoopback(boundHost) && configured.length === 0) return () => true;
  const allowed = new Set([...LOOPBACK_NAMES, ...configured].map((name) => name.toLowerCase()));
  return (header) => {
    if (header === undefined) return false;
    const lower = header.toLowerCase();
    return allowed.has(lower) || allowed.has(lower.replace(/:\d{1,5}$/, ''));
  };
}

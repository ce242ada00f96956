/** Lets the event loop do what has become possible meanwhile: sockets are served before it resolves. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

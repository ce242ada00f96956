#!/usr/bin/env node
// The one plain-JavaScript file: it must run, and say what is wrong, on a Node that is too old and before the first build.
import { existsSync, readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = manifest.engines.node.replace('>=', '').split('.').map(Number);
const running = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/cli/main.js', import.meta.url);

if (running[0] < wanted[0] || (running[0] === wanted[0] && running[1] < wanted[1])) {
  console.error(
    `spark needs Node ${manifest.engines.node}; this is ${process.versions.node}. Install a newer Node and try again.`,
  );
  process.exitCode = 1;
} else if (!existsSync(entry)) {
  console.error('spark is not built yet. Run: npm ci && npm run build   (npm start builds by itself)');
  process.exitCode = 1;
} else {
  const { main } = await import(entry.href);
  process.exitCode = await main(process.argv.slice(2));
  // Everything is stopped and told; idle keep-alive sockets of fetch would hold the process for seconds more. What is still being
  // written to a pipe gets a moment first.
  process.stdout.write('', () => setTimeout(() => process.exit(), 50).unref());
}

import { expect, it } from 'vitest';
import { renderEnvExample } from '../../src/cli/files/envExample.js';

it('the .env.example renderer comments each variable out, with doc, unit and default, in lines that fit', () => {
  const text = renderEnvExample([
    { name: 'NATS_URL', doc: 'Where NATS is. '.repeat(20).trim() },
    { name: 'ACK_WAIT_MS', doc: 'How long a delivery may take.', unit: 'ms', default: 30_000 },
  ]);
  expect(text).toContain('\n#NATS_URL=\n');
  expect(text).toContain('# How long a delivery may take. (ms)\n#ACK_WAIT_MS=30000\n');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
});

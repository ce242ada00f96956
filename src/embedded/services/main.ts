/**
 * The reference services as a process of their own: `node main.js --port N --cache DIR`, the token in SPARK_SERVICES_TOKEN. Real engines
 * (tesseract, pocketsphinx), loopback only. Keeps nothing, so it may be killed at any time.
 */
import { parseArgs } from 'node:util';
import { OcrEngine } from './ocrEngine.js';
import { createServices } from './server.js';
import { SpeechEngine } from './speechEngine.js';

const END_MS = 50;
const { values } = parseArgs({ options: { port: { type: 'string' }, cache: { type: 'string' } } });
const token = process.env['SPARK_SERVICES_TOKEN'] ?? '';
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535 || values.cache === undefined || token.length < 16) {
  process.stderr.write(
    'usage: SPARK_SERVICES_TOKEN=<16 characters or more> node main.js --port N --cache DIR\n',
  );
  process.exit(2);
}

const say = (message: string): void => void process.stderr.write(`${new Date().toISOString()} ${message}\n`);
const ocr = new OcrEngine();
const speech = new SpeechEngine({ cacheDir: values.cache, env: process.env, say });
const server = createServices({ token, ocr, speech, say });

/** Callers that are cut off take their recogniser with them; a fetch ends by itself. */
const end = (): void => {
  server.closeAllConnections();
  setTimeout(() => process.exit(0), END_MS);
};
process.on('SIGTERM', end);
process.on('SIGINT', end);
server.on('error', (error) => {
  say(`cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => say(`reference services at 127.0.0.1:${port}`));

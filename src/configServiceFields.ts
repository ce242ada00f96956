import { z } from 'zod';

const text = z.string().min(1);
const http = z.string().regex(/^https?:\/\//, 'must be a URL of the form ^https?:\\/\\/');
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** The services behind `cv.*` and `asr.*`, and the circuit breakers in front of everything SPARK calls. */
export const SERVICE_FIELDS = [
  {
    name: 'CV_SERVICE_URL',
    doc: 'Your service for cv.ocr, cv.ocv and cv.classify (docs/services.md), e.g. http://localhost:8081; unset: the reference service that npm start brings',
    default: '',
    schema: http,
  },
  { name: 'CV_SERVICE_TOKEN', doc: 'Sent to it as Authorization: Bearer', default: '', schema: text },
  {
    name: 'CV_TIMEOUT_MS',
    doc: 'Longest wait for one answer of it',
    unit: 'ms',
    default: '30000',
    schema: whole(100, 600_000),
  },
  {
    name: 'ASR_SERVICE_URL',
    doc: 'Your service for asr.transcribe (docs/services.md), e.g. http://localhost:8082; unset: the reference service that npm start brings',
    default: '',
    schema: http,
  },
  { name: 'ASR_SERVICE_TOKEN', doc: 'Sent to it as Authorization: Bearer', default: '', schema: text },
  {
    name: 'ASR_TIMEOUT_MS',
    doc: 'Longest wait for one answer of it',
    unit: 'ms',
    default: '60000',
    schema: whole(100, 600_000),
  },
  {
    name: 'SPARK_REFERENCE_SERVICES',
    doc: 'on: npm start brings its own OCR and speech recognition where no URL is set; off: such commands fail with service_not_configured',
    default: 'on',
    schema: z.enum(['on', 'off']),
  },
  {
    name: 'SPARK_CIRCUIT_FAILURES',
    doc: 'Failures in a row of Unity MCP, CV or ASR that open its circuit: its commands wait then, without spending attempts',
    unit: 'calls',
    default: '5',
    schema: whole(1, 1_000),
  },
  {
    name: 'SPARK_CIRCUIT_RATIO',
    doc: 'Or this share of failures among its last SPARK_CIRCUIT_WINDOW calls',
    default: '0.5',
    schema: z.coerce.number().gt(0).lt(1),
  },
  {
    name: 'SPARK_CIRCUIT_WINDOW',
    doc: 'Calls that the share is counted over',
    unit: 'calls',
    default: '20',
    schema: whole(2, 10_000),
  },
  {
    name: 'SPARK_CIRCUIT_OPEN_MS',
    doc: 'How long an open circuit of CV or ASR waits before it lets one call through to look (Unity MCP: half a second at most)',
    unit: 'ms',
    default: '1000',
    schema: whole(50, 600_000),
  },
] as const;

import { z } from 'zod';
import { CATALOGUE, type CommandDefinition } from '../commands/catalogue.js';
import { LIMITS } from '../commands/limits.js';
import { HOT_ROUTE } from './hotPath.js';
import { commandRequest } from './requestSchema.js';
import { answers, outcome, problemSchema, receipt } from './responses.js';

type Json = Record<string, unknown>;

/** What `/openapi.json` says of itself. The API's version, not the package's: it changes when a client has to. */
export const OPENAPI_BASE = {
  openapi: '3.1.0',
  info: {
    title: 'SPARK',
    version: '1',
    description:
      'A durable command pipeline in front of Unity MCP servers. A command is accepted (202), executed once, and recorded as events.',
  },
  servers: [{ url: '/' }],
  components: {
    securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer' } },
  },
  security: [{ bearer: [] }],
};

/** Adds what Fastify does not serve: `POST /v1/commands` with every command's own payload. */
export function withHotRoute(document: Json): Json {
  const paths = document['paths'] as Record<string, Json>;
  const components = document['components'] as { schemas?: Json };
  return {
    ...document,
    components: { ...components, schemas: { ...components.schemas, ...commandSchemas() } },
    paths: { ...paths, [HOT_ROUTE]: { post: submitOperation(), ...paths[HOT_ROUTE] } },
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function commandSchemas(): Json {
  const envelope = schemaOf(commandRequest, 'input');
  const properties = envelope['properties'] as Json;
  const schemas: Json = {};
  for (const { type, schema, summary } of Object.values<CommandDefinition>(CATALOGUE)) {
    schemas[`${type}.payload`] = schemaOf(schema, 'input');
    schemas[type] = {
      ...envelope,
      description: summary,
      properties: { ...properties, type: { const: type }, payload: ref(`${type}.payload`) },
      required: ['type', 'sessionId', 'payload'],
    };
  }
  const types = Object.keys(CATALOGUE);
  schemas['Command'] = {
    oneOf: types.map(ref),
    discriminator: {
      propertyName: 'type',
      mapping: Object.fromEntries(types.map((type) => [type, ref(type).$ref])),
    },
  };
  return schemas;
}

function submitOperation(): Json {
  const batch = z
    .array(z.union([receipt, problemSchema]))
    .describe('One result or problem per item, in order');
  const responses = answers(
    { 200: outcome, 202: z.union([receipt, batch]) },
    [400, 409, 413, 415, 422, 429, 503],
  );
  const header = (name: string, description: string) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  });
  return {
    summary: 'Submit one command, or an array of them',
    description:
      'Stored before the answer (202). A repeat of an idempotency key answers with the same command and `Idempotency-Replayed: true`.',
    tags: ['commands'],
    parameters: [
      header('Idempotency-Key', 'Names the command within its session; for a single command'),
      header(
        'Prefer',
        '`wait=10`: answer with the outcome (200, or 409 for a conflict) if there is one in time',
      ),
      header('traceparent', 'W3C trace context'),
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            anyOf: [
              ref('Command'),
              { type: 'array', items: ref('Command'), minItems: 1, maxItems: LIMITS.batchItems },
            ],
          },
        },
      },
    },
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, { description, content }]) => [
        status,
        {
          description,
          content: Object.fromEntries(
            Object.entries(content).map(([type, { schema }]) => [
              type,
              { schema: schemaOf(schema, 'output') },
            ]),
          ),
        },
      ]),
    ),
  };
}

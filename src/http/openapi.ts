import { z } from 'zod';
import { CATALOGUE, type CommandDefinition } from '../commands/catalogue.js';
import { LIMITS } from '../commands/limits.js';
import { HOT_ROUTE } from './hotPath.js';
import { commandRequest } from './requestSchema.js';
import { answers, COMPONENTS, outcome, receipt } from './responses.js';

type Json = Record<string, unknown>;

/** What `/openapi.json` says of itself. The API's version, not the package's: it changes when a client has to. */
export const OPENAPI_BASE = {
  openapi: '3.1.0',
  info: {
    title: 'SPARK',
    version: '1',
    description:
      'A durable command pipeline in front of Unity MCP servers. A command is accepted (202), executed once, and recorded as events.\n\nEvery answer that comes from a read model says how stale it may be, in headers (lists: in `freshness` too): `Spark-Read-Source` (who answered: replica or primary; of a single command also worker, feed or ingest), `Spark-Applied-Seq` (events up to this `seq` are in it) and `Spark-Lag-Ms` (how long what is missing has been in the log, at most; 0: nothing is missing). While the replica is away or far behind the primary answers, while the primary is away the replica does; 503 `read_models_unavailable` only when both are.\n\nRead your writes: send `Spark-Read-After: <seq>` (the `seq` of a command or the `id` of a live event) with any read. Its answer contains everything up to there, from whichever server has it first, within 2 s; else 503 `read_models_behind` with `Retry-After`.',
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
    components: {
      ...components,
      schemas: { ...components.schemas, ...componentSchemas(), ...commandSchemas() },
    },
    paths: { ...paths, [HOT_ROUTE]: { post: submitOperation(), ...paths[HOT_ROUTE] } },
  };
}

function inputSchema(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
}

/** The shapes that routes refer to by name. */
function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(COMPONENTS, {
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _schema, $id: _id, ...json }]) => [id, json]),
  );
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function commandSchemas(): Json {
  const envelope = inputSchema(commandRequest);
  const properties = envelope['properties'] as Json;
  const schemas: Json = {};
  for (const { type, schema, summary, scopes } of Object.values<CommandDefinition>(CATALOGUE)) {
    schemas[`${type}.payload`] = inputSchema(schema);
    schemas[type] = {
      ...envelope,
      description: `${summary}. Needs ${scopes.length > 1 ? 'the scopes' : 'the scope'} ${scopes.join(', ')}.`,
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
  const one = { 'application/json': { schema: ref('Outcome') } };
  const batch = {
    type: 'array',
    description: 'One result or problem per item, in order',
    items: { anyOf: [ref('Receipt'), ref('Problem')] },
  };
  const problems = Object.entries(answers({}, [400, 409, 413, 415, 422, 429, 503])).map(
    ([status, { description }]) => [
      status,
      { description, content: { 'application/problem+json': { schema: ref('Problem') } } },
    ],
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
      header(
        'Idempotency-Key',
        'Names the command within its session; for a single command. It holds for a term or until so many younger ones have come (`GET /version` tells both), and always while its command is open',
      ),
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
    responses: {
      200: { description: outcome.description, content: one },
      202: {
        description: receipt.description,
        content: { 'application/json': { schema: { anyOf: [ref('Receipt'), batch] } } },
      },
      ...Object.fromEntries(problems),
    },
  };
}

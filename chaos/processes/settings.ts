import type { SimulatedEditor } from './simulator.js';

/** What every role of a run is told: limits of minutes are of seconds here, so that what waits for one is seen to go on within the run. */
export function roleSettings(options: {
  readonly token: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly editors: readonly SimulatedEditor[];
}): Record<string, string> {
  return {
    SPARK_TOKEN: options.token,
    SPARK_LOG_LEVEL: 'debug',
    SPARK_PARTITIONS: String(options.partitions),
    NATS_REPLICAS: String(options.replicas),
    UNITY_EDITORS: options.editors
      .map(({ name, instance, projectFolder }) => `${name}=${instance}:${projectFolder}`)
      .join(';'),
    UNITY_READ_TIMEOUT_MS: '4000',
    UNITY_RENDER_TIMEOUT_MS: '8000',
    UNITY_BUILD_START_TIMEOUT_MS: '8000',
    UNITY_MUTATION_TIMEOUT_MS: '8000',
    MCP_RETRY_MAX_MS: '2000',
    MCP_BUILD_TIMEOUT_MS: '60000',
    MCP_BUILD_POLL_MS: '500',
    MCP_BUILD_GRACE_MS: '5000',
    MCP_DRAIN_MS: '1000',
    MCP_CALL_TOOL: 'on',
    MCP_COMMANDS_MAX_BYTES: String(256 * 1024 * 1024),
    SPARK_UPLOADS_MAX_BYTES: String(64 * 1024 * 1024),
    // What is refused for its rate is no fault, and tells nothing here.
    SPARK_RATE_LIMITS: 'unity.run_build=600/m;unity.call_tool=1000/s;unity.render_preview=1000/s',
  };
}

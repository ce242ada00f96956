/**
 * Every table the log is projected into. It lies in both slots (slots/); schema `spark` has a view of its name over the live one.
 * `needs`: the tables its fold looks things up in, which a rebuild of it alone has to fold too.
 */
export const READ_MODELS = [
  { table: 'spark_events', partitionedByDay: true, needs: [] },
  { table: 'command_states', partitionedByDay: false, needs: [] },
  { table: 'spark_function_calls', partitionedByDay: true, needs: ['command_states'] },
  { table: 'spark_generated_scripts', partitionedByDay: false, needs: [] },
  { table: 'spark_previews', partitionedByDay: false, needs: [] },
  { table: 'spark_build_jobs', partitionedByDay: false, needs: ['command_states'] },
  { table: 'spark_operations', partitionedByDay: false, needs: [] },
  // its fold needs none; what retention leaves of it are the images that these name
  { table: 'spark_images', partitionedByDay: false, needs: ['spark_operations', 'spark_generated_scripts'] },
  { table: 'spark_sessions', partitionedByDay: false, needs: ['command_states'] },
  { table: 'spark_usage', partitionedByDay: true, needs: ['command_states'] },
  { table: 'projector_dead_letters', partitionedByDay: false, needs: [] },
  { table: 'spark_editors', partitionedByDay: false, needs: ['command_states'] },
  { table: 'audit_acts', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_calls_minute', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_latency_minute', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_latency_5min', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_previews_minute', partitionedByDay: false, needs: [] },
  { table: 'rollup_sessions_5min', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_usage_hour', partitionedByDay: false, needs: ['spark_usage', 'command_states'] },
  { table: 'rollup_usage_session', partitionedByDay: false, needs: ['spark_usage', 'command_states'] },
  { table: 'rollup_usage_session_hour', partitionedByDay: false, needs: ['spark_usage', 'command_states'] },
  { table: 'rollup_lanes_minute', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_lanes_hour', partitionedByDay: false, needs: ['command_states'] },
  { table: 'rollup_operations_minute', partitionedByDay: false, needs: [] },
] as const;

/** The name of a read model is the name of its table. */
export type TableName = (typeof READ_MODELS)[number]['table'];

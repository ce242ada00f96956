/** Every table the log is projected into, with the order in which its rows are compared. Dead letters: only the projector's own. */
export const READ_MODELS = [
  { table: 'spark_events', partitionedByDay: true },
  { table: 'command_states', partitionedByDay: false },
  { table: 'spark_function_calls', partitionedByDay: true },
  { table: 'spark_generated_scripts', partitionedByDay: false },
  { table: 'spark_previews', partitionedByDay: false },
  { table: 'spark_build_jobs', partitionedByDay: false },
  { table: 'spark_operations', partitionedByDay: false },
  { table: 'spark_images', partitionedByDay: false },
  { table: 'spark_sessions', partitionedByDay: false },
  { table: 'spark_usage', partitionedByDay: true },
] as const;

export const PARTITIONED_TABLES: readonly string[] = READ_MODELS.filter(
  (model) => model.partitionedByDay,
).map((model) => model.table);

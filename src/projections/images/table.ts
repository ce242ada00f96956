import { customType, integer, text } from 'drizzle-orm/pg-core';
import { spark } from '../../postgres/orm.js';

const bytea = customType<{ data: Uint8Array; driverData: Buffer }>({ dataType: () => 'bytea' });

export const sparkImages = spark.table('spark_images', {
  sha256: text('sha256').primaryKey(),
  bytes: integer('bytes').notNull(),
  /** Raw deflate. */
  data: bytea('data').notNull(),
});

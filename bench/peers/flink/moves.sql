-- The trace's topic; state on the heap, no checkpoints. Times ascend, so a window ends as soon as a later event came.
SET 'state.backend.type' = 'hashmap';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE moves (
  page STRING,
  tile_x INT,
  tile_y INT,
  event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR event_time AS event_time - INTERVAL '0.001' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '${KAFKA}',
  'topic' = '${TOPIC}',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'page',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY'
);

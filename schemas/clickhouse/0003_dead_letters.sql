-- Records that could not be understood or stored, each with its reason. Rows
-- are idempotent by their origin: read with FINAL.
CREATE TABLE IF NOT EXISTS bouncehouse.dead_letters {{.OnCluster}}
(
    stream  LowCardinality(String),
    file_id LowCardinality(String),
    offset  Int64,
    ordinal UInt16,
    chunk   UInt64,
    time    DateTime64(3, 'UTC'),
    host    LowCardinality(String),
    file_name String CODEC(ZSTD(1)),
    reason  String CODEC(ZSTD(1)),
    raw     String CODEC(ZSTD(3)) -- the record, cut to 64 KiB
)
ENGINE = {{.Replicated}}ReplacingMergeTree
ORDER BY (stream, file_id, offset, ordinal)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

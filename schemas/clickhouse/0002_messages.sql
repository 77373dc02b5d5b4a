-- What the logs say of a message before its attempts. Rows are idempotent: the
-- same line read again makes the same row, and equal keys are merged to one.
-- Queue ids are used again in time, hence the time in the key: an attempt
-- belongs to the newest arrival that is not after it.
CREATE TABLE IF NOT EXISTS bouncehouse.messages {{.OnCluster}}
(
    host       LowCardinality(String),
    queue_id   String CODEC(ZSTD(1)),
    time       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    message_id String CODEC(ZSTD(1)),
    sender     String CODEC(ZSTD(1)),
    client     String CODEC(ZSTD(1)),
    sasl_user  LowCardinality(String),
    size       Int64 CODEC(ZSTD(1)), -- bytes; 0 where unknown

    stream     LowCardinality(String),
    file_id    LowCardinality(String),
    offset     Int64 CODEC(Delta, ZSTD(1)),
    ordinal    UInt16 CODEC(ZSTD(1)),
    chunk      UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = {{.Replicated}}ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (host, queue_id, time, stream, file_id, offset, ordinal)
PRIMARY KEY (host, queue_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

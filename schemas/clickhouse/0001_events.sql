-- One row is one delivery attempt's result for one recipient, or one refusal
-- of a client by our own server, or one recipient block of a bounce mail, or
-- one complaint. The columns are the fields of the Event in the module's root.
CREATE TABLE IF NOT EXISTS bouncehouse.events {{.OnCluster}}
(
    -- The origin: where the event was read. It is the row's identity.
    stream             LowCardinality(String),
    file_id            LowCardinality(String),
    offset             Int64 CODEC(Delta, ZSTD(1)),
    ordinal            UInt16 CODEC(ZSTD(1)),
    chunk              UInt64 CODEC(Delta, ZSTD(1)),

    time               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    host               LowCardinality(String),
    source             LowCardinality(String),
    direction          LowCardinality(String),

    queue_id           String CODEC(ZSTD(1)),
    message_id         String CODEC(ZSTD(1)),
    sender             String CODEC(ZSTD(1)),
    recipient          String CODEC(ZSTD(1)),
    original_recipient String CODEC(ZSTD(1)),
    sasl_user          LowCardinality(String),
    client             String CODEC(ZSTD(1)),

    remote_host        LowCardinality(String),
    remote_ip          String CODEC(ZSTD(1)),
    remote_port        UInt16 CODEC(ZSTD(1)),
    local_ip           LowCardinality(String),

    stage              LowCardinality(String),
    outcome            LowCardinality(String),
    reply_code         UInt16 CODEC(ZSTD(1)),
    enhanced_code      LowCardinality(String),
    reply_text         String CODEC(ZSTD(1)),

    class              LowCardinality(String),
    rule               LowCardinality(String),
    provider           LowCardinality(String),
    provider_code      LowCardinality(String),
    template           LowCardinality(String),
    cited_ip           String CODEC(ZSTD(1)),
    dnsbl              LowCardinality(String),
    urls               Array(LowCardinality(String)),

    delay              Nullable(Float32) CODEC(ZSTD(1)), -- seconds; NULL where unknown
    tls                LowCardinality(String),

    subject_ip         String CODEC(ZSTD(1)),
    dnsbl_listed       Array(LowCardinality(String)),
    rdns               LowCardinality(String),
    rdns_status        LowCardinality(String),

    feedback_type      LowCardinality(String),
    dsn_origin         LowCardinality(String),
    repeat             Bool CODEC(ZSTD(1)),
    counted            UInt8 CODEC(ZSTD(1)), -- sum(counted) is every figure

    -- A stored random-looking id would be the largest column; this is computed where it is asked for.
    event_id           String ALIAS lower(hex(substring(SHA256(concat(stream, '\0', file_id, '\0', toString(offset), '\0', toString(ordinal))), 1, 16))),

    -- What became of this message, of mail to this address: without these the
    -- whole column is read. A byte a row each.
    INDEX by_queue_id queue_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_recipient recipient TYPE bloom_filter GRANULARITY 1,

    -- The one rollup: it lives in the same part as its events and appears in
    -- the same instant, so it can never differ from them. Read it through the
    -- view attempts_5m.
    PROJECTION attempts_5m
    (
        SELECT toStartOfFiveMinutes(time), provider, class, outcome, enhanced_code, host, sum(counted), count()
        GROUP BY toStartOfFiveMinutes(time), provider, class, outcome, enhanced_code, host
    ),

    -- A row for each stream in a part: how far each has come, asked at every
    -- start. Read it through the view streams.
    PROJECTION streams
    (
        SELECT stream, max(chunk), max(time), count()
        GROUP BY stream
    )
)
ENGINE = {{.Replicated}}MergeTree
PARTITION BY toYYYYMM(time)
-- By hour first: new parts follow the old ones, so merging is cheap, and a
-- question about a day or an hour reads just that. Within the hour by origin:
-- a recovery reads back a batch's range from a few granules.
ORDER BY (toStartOfHour(time), stream, file_id, offset, ordinal)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

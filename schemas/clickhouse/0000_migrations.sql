-- Run at every start, before it is known what there is.
CREATE DATABASE IF NOT EXISTS bouncehouse {{.OnCluster}};

-- Which files were applied. A row that two processes wrote is one row.
CREATE TABLE IF NOT EXISTS bouncehouse.schema_migrations {{.OnCluster}}
(
    version UInt32,
    name    String,
    applied DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{.Replicated}}ReplacingMergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

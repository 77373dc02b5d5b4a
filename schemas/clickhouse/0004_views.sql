-- The events by five minutes of UTC, out of the projection of the events
-- table. ClickHouse takes it where the query groups and filters by the
-- projection's own expressions, which a query of this view always does:
--   SELECT provider, sum(attempts) FROM bouncehouse.attempts_5m
--   WHERE bucket >= now() - INTERVAL 1 DAY GROUP BY provider
-- Hours and days follow in the reader's time zone: toStartOfHour(bucket, 'Asia/Shanghai').
CREATE OR REPLACE VIEW bouncehouse.attempts_5m {{.OnCluster}} AS
SELECT
    toStartOfFiveMinutes(time) AS bucket,
    provider,
    class,
    outcome,
    enhanced_code,
    host,
    sum(counted) AS attempts, -- what every figure sums
    count() AS events         -- also repeats, delayed notices and the like
FROM bouncehouse.events
GROUP BY bucket, provider, class, outcome, enhanced_code, host;

-- How far each stream has come, out of the projection of that name: the
-- largest chunk number, the newest event, and how many there are.
CREATE OR REPLACE VIEW bouncehouse.streams {{.OnCluster}} AS
SELECT stream, max(chunk) AS last_chunk, max(time) AS last_time, count() AS events
FROM bouncehouse.events
GROUP BY stream;

-- Bounce mails beside the attempts they speak of: by queue id and recipient, or
-- by message id and recipient. One failure is one failure: bounces sum the
-- column counted, never rows of this view. attempt_id is '' where none is found.
CREATE OR REPLACE VIEW bouncehouse.bounces {{.OnCluster}} AS
SELECT
    b.event_id AS bounce_id,
    b.time AS bounce_time,
    b.recipient AS recipient,
    b.dsn_origin AS dsn_origin,
    b.outcome AS bounce_outcome,
    b.class AS bounce_class,
    b.enhanced_code AS bounce_enhanced_code,
    b.reply_text AS bounce_text,
    b.counted AS bounce_counted,
    a.event_id AS attempt_id,
    a.time AS attempt_time,
    a.host AS host,
    a.queue_id AS queue_id,
    a.message_id AS message_id,
    a.sender AS sender,
    a.remote_host AS remote_host,
    a.outcome AS attempt_outcome,
    a.class AS attempt_class,
    a.reply_text AS attempt_text
FROM
(
    SELECT event_id, time, recipient, queue_id, message_id, dsn_origin, outcome, class, enhanced_code, reply_text, counted
    FROM bouncehouse.events
    WHERE source = 'dsn'
) AS b
LEFT JOIN
(
    SELECT event_id, time, host, queue_id, message_id, sender, recipient, remote_host, outcome, class, reply_text
    FROM bouncehouse.events
    WHERE source NOT IN ('dsn', 'arf') AND direction = 'outbound'
        -- The join holds this side in memory: those who had a bounce mail only.
        AND recipient IN (SELECT recipient FROM bouncehouse.events WHERE source = 'dsn')
) AS a
ON a.recipient = b.recipient
    AND (a.queue_id = b.queue_id AND b.queue_id != '' OR a.message_id = b.message_id AND b.message_id != '');

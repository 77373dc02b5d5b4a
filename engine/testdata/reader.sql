SELECT remote_host, count() FROM events WHERE enhanced_code = '5.7.1' GROUP BY 1 ORDER BY 2 DESC

SELECT provider, sum(attempts) FROM bouncehouse.attempts_5m WHERE bucket >= now() - INTERVAL 1 DAY GROUP BY provider

SELECT provider_side, sum(counted) FROM bouncehouse.events WHERE provider = 'google' AND time >= now() - INTERVAL 1 DAY GROUP BY provider_side

SELECT * FROM bounces LIMIT 10

SELECT * FROM streams

SELECT * EXCEPT (chunk) FROM events ORDER BY stream, file_id, offset, ordinal

SELECT DISTINCT * EXCEPT (chunk) FROM messages FINAL ORDER BY stream, file_id, offset, ordinal

SELECT count() AS n, uniqExact(stream, file_id, offset, ordinal) AS origins FROM events

SELECT countIf(first < before) FROM (SELECT chunk, min(time) AS first, lagInFrame(max(time)) OVER (ORDER BY chunk) AS before FROM events GROUP BY chunk)

SELECT time, host, stream, file_name, offset, reason, raw FROM bouncehouse.dead_letters FINAL ORDER BY time DESC, stream, offset LIMIT 50

SELECT event_id, provider_side, class FROM events WHERE event_id = '00' LIMIT 1

SELECT toStartOfInterval(time, INTERVAL 5 MINUTE) AS t, class, sum(counted) AS n FROM events WHERE time >= toDateTime(1700000000) AND time <= toDateTime('2026-12-01 00:00:00', 'UTC') GROUP BY t, class ORDER BY t

SELECT toStartOfHour(bucket, 'Asia/Shanghai') AS hour, provider, sum(attempts) AS n, sumIf(attempts, outcome = 'deferred') / n AS deferred FROM attempts_5m GROUP BY hour, provider HAVING n > 0 ORDER BY hour, n DESC

SELECT provider, quantilesExactWeighted(0.5, 0.95)(assumeNotNull(delay), counted) AS q FROM bouncehouse.events WHERE delay IS NOT NULL GROUP BY provider

SELECT provider, quantile(0.5)(delay) AS p50, quantileTDigestIf(0.99)(delay, outcome = 'delivered') AS p99, medianOrNull(delay) FROM events GROUP BY provider WITH TOTALS ORDER BY p99 DESC NULLS LAST

SELECT provider, class, reply_code, enhanced_code, template, argMax(reply_text, time) AS example, sum(counted) AS n, min(time) AS first, max(time) AS last FROM events GROUP BY provider, class, reply_code, enhanced_code, template HAVING n > 0 ORDER BY n DESC LIMIT 20

SELECT class, sum(counted) AS n, uniqExact(remote_ip) AS clients, max(time) AS last FROM events WHERE direction = 'inbound' GROUP BY class HAVING n > 0 ORDER BY n DESC, class

SELECT host, outcome, count() OVER (PARTITION BY host ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM events LIMIT 100

SELECT provider, n, rank() OVER w AS r, row_number() OVER w, dense_rank() OVER w, n - lag(n, 1, 0) OVER w AS change FROM (SELECT provider, toDate(time) AS d, count() AS n FROM events GROUP BY provider, d) WINDOW w AS (PARTITION BY provider ORDER BY d)

SELECT d, sum(n) OVER (ORDER BY d RANGE BETWEEN 7 PRECEDING AND CURRENT ROW) AS week FROM (SELECT toDate(time) AS d, count() AS n FROM events GROUP BY d) ORDER BY d

WITH recent AS (SELECT * FROM events WHERE time > now() - toIntervalDay(7)), totals AS (SELECT provider, count() AS n FROM recent GROUP BY provider) SELECT r.provider, r.class, count() / any(t.n) AS share FROM recent AS r INNER JOIN totals AS t ON r.provider = t.provider GROUP BY r.provider, r.class ORDER BY share DESC

WITH (SELECT count() FROM events) AS total SELECT class, count() / total FROM events GROUP BY class

WITH RECURSIVE days AS (SELECT toDate('2026-11-01') AS d UNION ALL SELECT d + 1 FROM days WHERE d < '2026-11-05') SELECT d, countIf(toDate(e.time) = d) FROM days LEFT JOIN events AS e ON toDate(e.time) = days.d GROUP BY d ORDER BY d

SELECT e.queue_id, m.sender, e.outcome FROM events AS e ANY LEFT JOIN messages AS m USING (host, queue_id) WHERE e.direction = 'outbound'

SELECT e.time, m.time, m.client FROM bouncehouse.events e ASOF LEFT JOIN bouncehouse.messages m ON e.host = m.host AND e.queue_id = m.queue_id AND e.time >= m.time LIMIT 5

SELECT a.provider, b.class FROM events a CROSS JOIN events b LIMIT 1

SELECT recipient FROM events WHERE recipient IN (SELECT recipient FROM events WHERE source = 'dsn') AND host GLOBAL IN ('a', 'b')

SELECT recipient FROM events WHERE (host, queue_id) IN (SELECT host, queue_id FROM messages)

SELECT 'a' IN ('a', 'b'), 1 NOT IN (2, 3), has([1, 2], 1)

SELECT zone, count() FROM events ARRAY JOIN dnsbl_listed AS zone GROUP BY zone ORDER BY count() DESC

SELECT arrayJoin(urls) AS url, domain(url) AS site, count() FROM events GROUP BY url

SELECT arrayStringConcat(arraySort(groupUniqArray(class)), ', ') FROM events

SELECT arrayMap(x -> upper(x), dnsbl_listed), arrayFilter((x, i) -> i > 1, urls, arrayEnumerate(urls)), arraySum(x -> x + 1, [1, 2, 3]) FROM events LIMIT 3

SELECT length(urls), urls[1], urls.size0, arrayElement(dnsbl_listed, -1), tupleElement((1, 'a'), 2), (1, 'a').1 FROM events LIMIT 1

SELECT topK(10)(template), topKWeighted(5)(class, counted) FROM events

SELECT class, uniq(recipient), uniqCombined(remote_ip), uniqHLL12(sender) FROM events GROUP BY class

SELECT host, groupArray(5)(reply_text), groupArrayDistinct(class), sumMap(map(class, 1)) FROM events GROUP BY host

SELECT sequenceMatch('(?1)(?2)')(toDateTime(time), outcome = 'deferred', outcome = 'delivered'), windowFunnel(3600)(toDateTime(time), outcome = 'deferred', outcome = 'delivered') FROM events GROUP BY queue_id

SELECT provider, class, grouping(provider), sum(counted) FROM events GROUP BY GROUPING SETS ((provider), (class), ())

SELECT provider, class, sum(counted) FROM events GROUP BY ROLLUP(provider, class)

SELECT provider, class, sum(counted) FROM events GROUP BY CUBE(provider, class) ORDER BY ALL

SELECT toStartOfHour(time) AS h, count() FROM events GROUP BY h ORDER BY h WITH FILL FROM toStartOfHour(now() - INTERVAL 3 HOUR) TO toStartOfHour(now()) STEP INTERVAL 1 HOUR INTERPOLATE

SELECT provider, template, count() AS n FROM events GROUP BY provider, template ORDER BY n DESC LIMIT 3 BY provider LIMIT 100 OFFSET 0

SELECT class, count() FROM events GROUP BY class ORDER BY count() DESC LIMIT 3 WITH TIES

SELECT CASE outcome WHEN 'delivered' THEN 1 WHEN 'deferred' THEN 2 ELSE 3 END AS o, CASE WHEN delay > 60 THEN 'slow' ELSE 'fast' END, if(delay > 60, 'slow', 'fast'), multiIf(delay > 3600, 'hours', delay > 60, 'minutes', 'seconds'), delay > 60 ? 1 : 0 FROM events LIMIT 1

SELECT CAST(reply_code AS String), reply_code::String, toString(reply_code), CAST('2026-11-20', 'Date'), '1'::Nullable(UInt8), CAST(time AS DateTime('Asia/Shanghai')), CAST(1.5 AS Decimal(10, 2)) FROM events LIMIT 1

SELECT extract(reply_text, '\\[([A-Z0-9]+)\\]'), match(reply_text, '(?i)block(ed|list)'), replaceRegexpAll(reply_text, '\d+', 'N'), reply_text LIKE '%5.7.1%', reply_text ILIKE '%SPAM%', reply_text NOT LIKE '\%%', position(reply_text, 'spam'), splitByChar('@', recipient)[2] FROM events LIMIT 1

SELECT EXTRACT(HOUR FROM time), toHour(time), formatDateTime(time, '%F %T'), dateDiff('minute', time, now()), date_diff('hour', time, now64()), date_trunc('week', time), toTimeZone(time, 'Europe/Berlin'), toUnixTimestamp64Milli(time), dateAdd(DAY, 1, time), DATE_SUB(time, INTERVAL 1 DAY), time + INTERVAL '1 day' FROM events LIMIT 1

SELECT trim(BOTH ' ' FROM sender), substring(sender FROM 1 FOR 3), SUBSTRING(sender, 2), concat(sender, '-', recipient), sender || recipient, lower(sender), lengthUTF8('你好 “quoted” — text') FROM events LIMIT 1

SELECT IPv4NumToString(toUInt32(1)), isIPAddressInRange('192.0.2.1', '192.0.2.0/24'), toIPv4OrNull(remote_ip), cutIPv6(toIPv6('2001:db8::1'), 8, 0) FROM events LIMIT 1

SELECT COLUMNS('^(class|rule)$'), COLUMNS('code') APPLY(toString), * EXCEPT ('^(raw|reply).*') REPLACE (upper(class) AS class) FROM events LIMIT 1

SELECT * APPLY(max) FROM (SELECT counted, reply_code FROM events)

SELECT events.class, bouncehouse.events.rule, events.* FROM events LIMIT 1

SELECT "class" AS "The class", `rule` AS `count.of.rules`, `count.of.rules` FROM "events" LIMIT 1

SELECT JSONExtractString('{"a":"b"}', 'a'), toJSONString(map('a', 1)), simpleJSONExtractInt('{"a":1}', 'a')

SELECT provider, class FROM events WHERE NOT (class = 'x' OR class IS NULL) AND delay BETWEEN 0 AND 10 AND NOT empty(provider) QUALIFY row_number() OVER (PARTITION BY provider ORDER BY time DESC) = 1 ORDER BY provider

SELECT provider FROM events PREWHERE time > '2026-01-01' WHERE counted = 1

SELECT provider FROM events UNION DISTINCT SELECT class FROM events INTERSECT SELECT class FROM events EXCEPT SELECT 'x'

(SELECT 1 AS x) UNION ALL (SELECT 2)

SELECT number, toDate('2026-11-01') + number FROM numbers(10) WHERE number % 2 = 0

SELECT * FROM generateSeries(1, 10, 3)

SELECT * FROM view(SELECT class FROM events)

SELECT count() FROM events WHERE time >= fromUnixTimestamp64Milli(1700000000000) AND time <= fromUnixTimestamp64Milli(1800000000000) SETTINGS max_threads = 2, optimize_use_projections = 1

SELECT toInt64(intDiv(toUInt32(time), 60) * 60) * 1000 AS t, groupArray((provider, n)) FROM (SELECT time, provider, count() AS n FROM events GROUP BY time, provider) GROUP BY t ORDER BY t FORMAT JSON

SELECT provider AS __value, provider AS __text FROM events GROUP BY provider LIMIT 1000

SELECT 1

SELECT version()

SELECT displayName(), version(), revision(), timezone()

SELECT currentDatabase(), currentUser(), timezone(), serverTimezone(), hostName()

SELECT name FROM system.databases

SELECT name FROM system.tables WHERE database = 'bouncehouse' ORDER BY name

SELECT database, name, engine, total_rows, comment FROM system.tables WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')

SELECT name, type, comment, default_kind, default_expression, is_in_primary_key FROM system.columns WHERE database = 'bouncehouse' AND table = 'events' ORDER BY position

SELECT name, description FROM system.functions WHERE NOT is_aggregate ORDER BY name LIMIT 5

SELECT name, value, changed FROM system.settings WHERE name = 'max_threads'

SELECT name FROM system.data_type_families

SELECT name FROM system.table_engines

SELECT name, is_output FROM system.formats WHERE is_output

SELECT keyword FROM system.keywords LIMIT 3

SELECT time_zone FROM system.time_zones LIMIT 3

SELECT table, sum(rows), formatReadableSize(sum(bytes_on_disk)) FROM system.parts WHERE active AND database = 'bouncehouse' GROUP BY table

SELECT column, sum(column_data_compressed_bytes) FROM system.parts_columns WHERE table = 'events' GROUP BY column

SELECT query_id, user, elapsed FROM system.processes

SHOW DATABASES

SHOW TABLES

SHOW TABLES FROM bouncehouse LIKE '%events%'

SHOW FULL TABLES FROM system LIMIT 3

SHOW CREATE TABLE bouncehouse.events

SHOW CREATE VIEW bouncehouse.bounces

SHOW COLUMNS FROM events

SHOW COLUMNS FROM events FROM bouncehouse LIKE 'reply%'

DESCRIBE TABLE bouncehouse.events

DESC events

DESCRIBE (SELECT class, count() FROM events GROUP BY class)

DESCRIBE TABLE (SELECT * FROM events)

EXISTS TABLE bouncehouse.events

EXISTS events

EXPLAIN SELECT class, count() FROM events GROUP BY class

EXPLAIN PLAN indexes = 1, projections = 1 SELECT count() FROM events WHERE time > now() - INTERVAL 1 HOUR

EXPLAIN AST SELECT 1

EXPLAIN SYNTAX SELECT * FROM events

EXPLAIN json = 1, description = 0 SELECT class FROM events

EXPLAIN PIPELINE SELECT count() FROM events

EXPLAIN ESTIMATE SELECT count() FROM events WHERE time > now()

FROM events SELECT count() WHERE class != ''

SELECT count() FROM events WHERE class = 'dnsbl' -- a comment
/* and another */ AND provider = 'google';

SELECT 1_000_000 AS million, 0xff_ff AS hex, 1_0.2_5 AS quarter, countIf(offset < 1_000_000_000) AS n FROM events ORDER BY n

SELECT .5 AS half, CASE WHEN count() > .5 THEN .25 ELSE .75 END AS share, (.5, .25).1 AS first FROM events WHERE offset >= .5 AND .5 < 1 ORDER BY share

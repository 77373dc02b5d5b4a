-- Attempts are facts, mails are claims: what our servers logged counts, what a
-- mail said (anyone may have sent it) is kept beside it. A row of the events
-- table is a claim where it comes from a bounce mail or a complaint, or where a
-- log repeats one.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} ADD COLUMN IF NOT EXISTS claim Bool ALIAS source IN ('dsn', 'arf') OR dsn_origin != '' OR outcome = 'complaint';

-- Of a claim: it proved that it answers mail of ours when it was stored, by its
-- own evidence or by an attempt that was there by then. The view claims asks
-- again for those that did not.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} ADD COLUMN IF NOT EXISTS verified Bool CODEC(ZSTD(1));

-- Which attempts a claim cites is asked by queue id and by message id.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} ADD INDEX IF NOT EXISTS by_message_id message_id TYPE bloom_filter GRANULARITY 1;
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} MATERIALIZE INDEX IF EXISTS by_message_id;

-- Claims were counted before this version, also in the projection, which holds
-- no source to tell them by. It is the one change that rows ever see.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} UPDATE counted = 0
    WHERE counted = 1 AND (source IN ('dsn', 'arf') OR dsn_origin != '' OR outcome = 'complaint')
    SETTINGS mutations_sync = 2;

-- Every bounce mail and complaint, a row for each recipient that it names, with
-- what the attempts in the logs make of it. Figures never sum these rows: read
-- late_bounces and complaints.
--
-- verified: it cites what only a receiver of our mail knows, together:
--   a message id or queue id of ours, and a recipient of that message;
--   a queue id of ours, where the server does not just count, and that message's sender;
--   a message id of ours, and that message's sender, of complaints, which seldom
--   name the recipient;
-- or it proved itself when it was stored (a tag under our key; made by our own
-- server). It is asked for at each query, so that it does not matter whether mail
-- or log was read first.
--
-- counts_as is what a claim counts as where it is believed: 'late bounce' of a
-- message that the logs show delivered or do not know (what they show refused or
-- given up is one failure already), 'complaint', or ''.
--
-- message and addressee name what it is about, by the attempt that it cites where
-- there is one: claims that are equal in both are one.
CREATE OR REPLACE VIEW bouncehouse.claims {{.OnCluster}} AS
SELECT
    event_id,
    time,
    any(c.stream) AS stream,
    any(c.file_id) AS file_id,
    any(c.offset) AS offset,
    any(c.source) AS source,
    any(c.client) AS client,
    any(c.queue_id) AS queue_id,
    any(c.message_id) AS message_id,
    any(c.sender) AS sender,
    any(c.recipient) AS recipient,
    any(c.remote_host) AS remote_host,
    any(c.outcome) AS outcome,
    any(c.reply_code) AS reply_code,
    any(c.enhanced_code) AS enhanced_code,
    any(c.reply_text) AS reply_text,
    any(c.class) AS class,
    any(c.feedback_type) AS feedback_type,
    any(c.dsn_origin) AS dsn_origin,
    max(a.found) = 1 AS cites_attempt,
    any(c.verified) OR cites_attempt AS verified,
    multiIf(
        outcome = 'complaint' AND feedback_type != 'not-spam' AND NOT startsWith(feedback_type, 'opt-out'), 'complaint',
        outcome IN ('bounced', 'expired') AND (NOT cites_attempt OR argMax(a.delivered AND NOT a.failed, (a.found, a.rank))), 'late bounce',
        '') AS counts_as,
    multiIf(
        cites_attempt, argMax(a.message, (a.found, a.rank)),
        startsWith(lower(sender), 'prvs='), sender,
        message_id != '', message_id,
        queue_id != '', queue_id,
        file_id) AS message,
    if(cites_attempt, argMax(a.addressee, (a.found, a.rank)), lower(recipient)) AS addressee,
    if(cites_attempt, argMax(a.provider, (a.found, a.rank)), any(c.provider)) AS provider
FROM
(
    SELECT *, event_id,
        -- Names and addresses that are not there are '', and cite nothing.
        if(message_id = '', '', concat('m', message_id)) AS m,
        if(queue_id = '', '', concat('q', queue_id)) AS q,
        if(recipient = '', '', concat('r', lower(recipient))) AS r,
        if(original_recipient = '', '', concat('r', lower(original_recipient))) AS o,
        if(sender = '', '', concat('s', lower(sender))) AS s,
        arrayFilter(x -> x.1 != '' AND x.2 != '', arrayDistinct([(m, r), (q, r), (m, o), (q, o), (q, s), (if(outcome = 'complaint', m, ''), s)])) AS keys,
        key.1 AS id,
        key.2 AS address
    FROM bouncehouse.events
    LEFT ARRAY JOIN keys AS key
    WHERE claim AND direction = 'outbound' AND outcome != 'auto-reply'
) AS c
LEFT JOIN
(
    SELECT
        id,
        address,
        1 AS found,
        -- What is cited with its recipient is known best; and a message id goes
        -- with the message where a queue id is one hop's.
        (startsWith(address, 'r'), startsWith(id, 'm')) AS rank,
        max(outcome = 'delivered') AS delivered,
        -- Of a message of several recipients, nobody knows which one is meant.
        max(outcome IN ('bounced', 'expired')) AND (startsWith(address, 'r') OR NOT delivered) AS failed,
        max(if(message_id != '', message_id, concat(host, ' ', queue_id))) AS message,
        if(uniqExact(lower(recipient)) = 1, any(lower(recipient)), '') AS addressee,
        argMax(provider, (outcome = 'delivered', time)) AS provider
    FROM
    (
        SELECT concat('m', message_id) AS id, time, host, queue_id, message_id, recipient, outcome, provider,
            arrayJoin([concat('r', lower(recipient)), concat('r', lower(original_recipient)), concat('s', lower(sender))]) AS address
        FROM bouncehouse.events
        WHERE NOT claim AND direction = 'outbound'
            AND message_id IN (SELECT message_id FROM bouncehouse.events WHERE claim AND message_id != '')
        UNION ALL
        SELECT concat('q', queue_id) AS id, time, host, queue_id, message_id, recipient, outcome, provider,
            arrayJoin([concat('r', lower(recipient)), concat('r', lower(original_recipient)), concat('s', lower(sender))]) AS address
        FROM bouncehouse.events
        WHERE NOT claim AND direction = 'outbound'
            AND queue_id IN (SELECT queue_id FROM bouncehouse.events WHERE claim AND queue_id != '')
            AND source NOT IN ('qmail', 'hmailserver', 'mdaemon') -- who count: anyone can
    )
    GROUP BY id, address
) AS a USING (id, address)
GROUP BY event_id, time;

-- Bounces of what was delivered first, one for each message and recipient, by
-- the first mail that proved it. They stand beside the attempts, never among
-- them: the message was delivered, and is one delivered attempt.
CREATE OR REPLACE VIEW bouncehouse.late_bounces {{.OnCluster}} AS
SELECT
    message,
    addressee AS recipient,
    min(c.time) AS time,
    count() AS mails, -- that say so
    argMin(c.event_id, (c.time, c.event_id)) AS event_id,
    argMin(c.provider, (c.time, c.event_id)) AS provider,
    argMin(c.outcome, (c.time, c.event_id)) AS outcome,
    argMin(c.class, (c.time, c.event_id)) AS class,
    argMin(c.reply_code, (c.time, c.event_id)) AS reply_code,
    argMin(c.enhanced_code, (c.time, c.event_id)) AS enhanced_code,
    argMin(c.reply_text, (c.time, c.event_id)) AS reply_text
FROM bouncehouse.claims AS c
WHERE verified AND counts_as = 'late bounce' AND dsn_origin != 'local' -- its log tells of the failure
GROUP BY message, addressee;

-- Complaints that prove which message they are about, one for each message and
-- recipient; recipient is '' where it was redacted and the message had several.
CREATE OR REPLACE VIEW bouncehouse.complaints {{.OnCluster}} AS
SELECT
    message,
    addressee AS recipient,
    min(c.time) AS time,
    count() AS mails,
    argMin(c.event_id, (c.time, c.event_id)) AS event_id,
    argMin(c.provider, (c.time, c.event_id)) AS provider,
    argMin(c.feedback_type, (c.time, c.event_id)) AS feedback_type,
    argMin(c.sender, (c.time, c.event_id)) AS sender
FROM bouncehouse.claims AS c
WHERE verified AND counts_as = 'complaint'
GROUP BY message, addressee;

-- Bounce mails beside the attempts they speak of: by queue id and recipient, or
-- by message id and recipient. attempt_id is '' where none is found.
CREATE OR REPLACE VIEW bouncehouse.bounces {{.OnCluster}} AS
SELECT
    b.event_id AS bounce_id,
    b.time AS bounce_time,
    b.recipient AS recipient,
    b.dsn_origin AS dsn_origin,
    b.verified OR attempt_id != '' AS verified,
    b.outcome AS bounce_outcome,
    b.class AS bounce_class,
    b.enhanced_code AS bounce_enhanced_code,
    b.reply_text AS bounce_text,
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
    SELECT event_id, time, recipient, queue_id, message_id, dsn_origin, verified, outcome, class, enhanced_code, reply_text
    FROM bouncehouse.events
    WHERE source = 'dsn'
) AS b
LEFT JOIN
(
    SELECT event_id, time, host, queue_id, message_id, sender, recipient, remote_host, outcome, class, reply_text
    FROM bouncehouse.events
    WHERE NOT claim AND direction = 'outbound'
        -- The join holds this side in memory: those who had a bounce mail only.
        AND recipient IN (SELECT recipient FROM bouncehouse.events WHERE source = 'dsn')
) AS a
ON a.recipient = b.recipient
    AND (a.queue_id = b.queue_id AND b.queue_id != '' OR a.message_id = b.message_id AND b.message_id != '');

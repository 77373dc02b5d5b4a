-- What claims cost is bounded by their number, however many ids and addresses each
-- one puts together, and whatever these are: anyone can send a million.
--
-- Of all the ids that claims cite, these are those that attempts have: hashes say
-- which of a million may be, so that neither their number nor their length is held
-- in memory, and what two ids of one hash would add is compared in full below.
-- A claim that cites none of them is never taken apart. Each of these views is one
-- row, so that a query that reads it in several places, as claims does, has it
-- computed once: SELECT ids FROM ... in brackets is a constant to ClickHouse.
CREATE OR REPLACE VIEW bouncehouse.known_message_ids {{.OnCluster}} AS
SELECT groupUniqArray(message_id) AS ids
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND message_id != ''
    AND sipHash64(message_id) IN (SELECT sipHash64(message_id) FROM bouncehouse.events WHERE claim AND message_id != '');

CREATE OR REPLACE VIEW bouncehouse.known_queue_ids {{.OnCluster}} AS
SELECT groupUniqArray(queue_id) AS ids
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND queue_id != ''
    AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange') -- who count: anyone can
    AND sipHash64(queue_id) IN (
        SELECT arrayJoin(arrayMap(x -> sipHash64(x), splitByChar(' ', concat(queue_id, ' ', cited_queue_ids))))
        FROM bouncehouse.events WHERE claim AND (queue_id != '' OR cited_queue_ids != ''));

-- The attempts that claims cite, as id: m and a message id, or q and a queue id.
CREATE OR REPLACE VIEW bouncehouse.cited_attempts {{.OnCluster}} AS
SELECT concat('m', message_id) AS id, time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound'
    AND message_id IN (SELECT arrayJoin((SELECT ids FROM bouncehouse.known_message_ids)))
UNION ALL
SELECT concat('q', queue_id) AS id, time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange')
    AND queue_id IN (SELECT arrayJoin((SELECT ids FROM bouncehouse.known_queue_ids)));

-- Those at the next hop of ours, for each address that was handed on to it, and
-- those at the one behind it. An id that no reply names is '': it is left out of
-- the attempts, since to leave it out of the ids computes next_queue_id of all.
CREATE OR REPLACE VIEW bouncehouse.second_attempts {{.OnCluster}} AS
SELECT time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id, arrayJoin(arrayDistinct([lower(recipient), lower(original_recipient)])) AS handed
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange')
    AND queue_id != '' AND queue_id IN (SELECT arrayJoin((SELECT groupUniqArray(next_queue_id) FROM bouncehouse.cited_attempts)));

CREATE OR REPLACE VIEW bouncehouse.third_attempts {{.OnCluster}} AS
SELECT time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id, arrayJoin(arrayDistinct([lower(recipient), lower(original_recipient)])) AS handed
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange')
    AND queue_id != '' AND queue_id IN (SELECT arrayJoin((SELECT groupUniqArray(next_queue_id) FROM bouncehouse.second_attempts)));

-- Of the claims that cite an attempt, what the best of those that they cite makes
-- of them: a row for each, by its origin.
CREATE OR REPLACE VIEW bouncehouse.claim_proofs {{.OnCluster}} AS
SELECT
    stream, file_id, offset, ordinal, 1 AS found,
    argMax((a.message, a.addressee, a.provider, a.delivered AND NOT a.failed), a.rank) AS best,
    best.1 AS message, best.2 AS addressee, best.3 AS provider, best.4 AS late
FROM
(
    -- A message id proves nothing with the sender but a complaint, which seldom
    -- names the recipient. Addresses that are not there are '', and cite nothing.
    SELECT stream, file_id, offset, ordinal, id,
        arrayJoin(arrayFilter(x -> length(x) > 1, arrayDistinct([concat('r', lower(recipient)), concat('r', lower(original_recipient)),
            if(startsWith(id, 'q') OR outcome = 'complaint', concat('s', lower(sender)), '')]))) AS address
    FROM
    (
        SELECT stream, file_id, offset, ordinal, outcome, recipient, original_recipient, sender,
            arrayJoin(arrayConcat(
                if(message_id IN (SELECT arrayJoin((SELECT ids FROM bouncehouse.known_message_ids))), [concat('m', message_id)], []),
                arrayMap(x -> concat('q', x), arrayFilter(x -> x IN (SELECT arrayJoin((SELECT ids FROM bouncehouse.known_queue_ids))),
                    arrayDistinct(splitByChar(' ', concat(queue_id, ' ', cited_queue_ids))))))) AS id
        FROM bouncehouse.events
        WHERE claim AND direction = 'outbound' AND outcome != 'auto-reply'
    )
) AS c
INNER JOIN
(
    SELECT
        id,
        address,
        max(l.delivered) AS delivered,
        -- Of a message of several recipients, nobody knows which one is meant.
        max(l.failed) AND (startsWith(address, 'r') OR NOT delivered) AS failed,
        -- What is cited with its recipient is known best; and a message id goes
        -- with the message where a queue id is one hop's. Of several hops the one
        -- tells that refused it, else one that delivered it.
        (startsWith(address, 'r'), startsWith(id, 'm'), failed, delivered, id) AS rank,
        -- Where its recipients went different ways, it has no last hop.
        if(uniqExact(l.message) = 1, any(l.message), max(l.own)) AS message,
        if(min(l.least) = max(l.greatest), min(l.least), '') AS addressee,
        argMax(l.provider, (l.delivered, l.latest)) AS provider
    FROM
    (
        -- What became of it for each recipient.
        SELECT
            id,
            arrayJoin([concat('r', lower(recipient)), concat('r', lower(original_recipient)), concat('s', lower(sender))]) AS address,
            lower(recipient) AS handed,
            max(last.outcome = 'delivered') AS delivered,
            max(last.outcome IN ('bounced', 'expired')) AS failed,
            max((hop, if(last.message_id != '', last.message_id, concat(last.host, ' ', last.queue_id)))).2 AS message,
            max(if(message_id != '', message_id, concat(host, ' ', queue_id))) AS own,
            max((hop, lower(last.recipient))).2 AS greatest,
            min((-hop, lower(last.recipient))).2 AS least,
            max((last.outcome = 'delivered', last.time)).2 AS latest,
            argMax(last.provider, (last.outcome = 'delivered', last.time)) AS provider
        FROM
        (
            SELECT
                a.id AS id, a.recipient AS recipient, a.original_recipient AS original_recipient, a.sender AS sender,
                a.message_id AS message_id, a.host AS host, a.queue_id AS queue_id,
                multiIf(c.queue_id != '', 2, b.queue_id != '', 1, 0) AS hop,
                CAST(multiIf(
                    hop = 2, tuple(c.time, c.host, c.queue_id, c.message_id, c.recipient, c.outcome, c.provider),
                    hop = 1, tuple(b.time, b.host, b.queue_id, b.message_id, b.recipient, b.outcome, b.provider),
                    tuple(a.time, a.host, a.queue_id, a.message_id, a.recipient, a.outcome, a.provider)),
                    'Tuple(time DateTime64(3, \'UTC\'), host String, queue_id String, message_id String, recipient String, outcome String, provider String)') AS last
            FROM bouncehouse.cited_attempts AS a
            LEFT JOIN bouncehouse.second_attempts AS b ON b.queue_id = a.next_queue_id AND b.handed = lower(a.recipient)
            LEFT JOIN bouncehouse.third_attempts AS c ON c.queue_id = b.next_queue_id AND c.handed = lower(b.recipient)
        )
        GROUP BY id, address, handed
    ) AS l
    GROUP BY id, address
) AS a USING (id, address)
GROUP BY stream, file_id, offset, ordinal;

-- Every bounce mail and complaint, a row for each recipient that it names, with
-- what the attempts in the logs make of it. Figures never sum these rows: read
-- late_bounces and complaints.
--
-- verified: it cites what only a receiver of our mail knows, together:
--   a message id or queue id of ours, and a recipient of that message;
--   a queue id of ours, where the server does not just count, and that message's sender
--   (queue_id, or any of cited_queue_ids);
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
-- there is one, and of several hops by the last: claims that are equal in both are
-- one.
CREATE OR REPLACE VIEW bouncehouse.claims {{.OnCluster}} AS
SELECT
    c.event_id AS event_id,
    c.time AS time,
    c.stream AS stream,
    c.file_id AS file_id,
    c.offset AS offset,
    c.source AS source,
    c.client AS client,
    c.queue_id AS queue_id,
    c.message_id AS message_id,
    c.sender AS sender,
    c.recipient AS recipient,
    c.remote_host AS remote_host,
    c.outcome AS outcome,
    c.reply_code AS reply_code,
    c.enhanced_code AS enhanced_code,
    c.reply_text AS reply_text,
    c.class AS class,
    c.feedback_type AS feedback_type,
    c.dsn_origin AS dsn_origin,
    p.found = 1 AS cites_attempt,
    c.verified OR cites_attempt AS verified,
    multiIf(
        outcome = 'complaint' AND feedback_type != 'not-spam' AND NOT startsWith(feedback_type, 'opt-out'), 'complaint',
        outcome IN ('bounced', 'expired') AND (NOT cites_attempt OR p.late), 'late bounce',
        '') AS counts_as,
    multiIf(
        cites_attempt, p.message,
        startsWith(lower(sender), 'prvs='), sender,
        message_id != '', message_id,
        queue_id != '', queue_id,
        file_id) AS message,
    if(cites_attempt, p.addressee, lower(recipient)) AS addressee,
    if(cites_attempt, p.provider, toString(c.provider)) AS provider
FROM
(
    SELECT *, event_id FROM bouncehouse.events
    WHERE claim AND direction = 'outbound' AND outcome != 'auto-reply'
) AS c
LEFT JOIN bouncehouse.claim_proofs AS p ON p.stream = c.stream AND p.file_id = c.file_id AND p.offset = c.offset AND p.ordinal = c.ordinal;

-- Bounce mails beside the attempts they speak of: by queue id and recipient, or
-- by message id and recipient. attempt_id is '' where none is found.
CREATE OR REPLACE VIEW bouncehouse.bounces {{.OnCluster}} AS
SELECT
    b.event_id AS bounce_id,
    b.time AS bounce_time,
    b.recipient AS recipient,
    b.dsn_origin AS dsn_origin,
    b.verified OR attempt_id != '' AND bounce_outcome != 'auto-reply' AS verified,
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
    SELECT event_id, time, host, queue_id, message_id, sender, recipient, remote_host, outcome, class, reply_text, source
    FROM bouncehouse.events
    WHERE NOT claim AND direction = 'outbound'
        -- The join holds this side in memory: those that a bounce mail may cite only.
        AND (queue_id != '' AND sipHash64(queue_id) IN (SELECT sipHash64(queue_id) FROM bouncehouse.events WHERE source = 'dsn' AND queue_id != '')
            OR message_id != '' AND sipHash64(message_id) IN (SELECT sipHash64(message_id) FROM bouncehouse.events WHERE source = 'dsn' AND message_id != ''))
) AS a
ON a.recipient = b.recipient
    AND (a.queue_id = b.queue_id AND b.queue_id != '' AND a.source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange') OR a.message_id = b.message_id AND b.message_id != '');

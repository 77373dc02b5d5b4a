-- Relays write their own message id over ours (Amazon SES, gateways, milters): a
-- report of such a message cites its queue id, and never the message id of the log. So
-- a queue id that is not counted up proves by itself, with a recipient of the message:
-- Postfix's long ones (second, microsecond and inode) and OpenSMTPD's; the longer ones of
-- those, 64 random bits, with the sender too. Of Postfix's, who received another message of
-- the session, and so knows the sender, met one in 350 to 1,000 mails. Others prove
-- nothing without the message id, also where the log has none: Postfix's short ones lack
-- the second, those of Sendmail, Exim and Courier are a second, the process of a whole
-- session and little more, and those of Haraka its session's and a number.
--
-- With a message id the original recipient proves nothing: a list's own address stands
-- in its archive beside it.
--
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
    -- To those of a queue id belongs the message id, or '' where none is needed.
    SELECT stream, file_id, offset, ordinal, id,
        concat(arrayJoin(arrayFilter(x -> length(x) > 1, arrayDistinct([
            concat('r', lower(recipient)), concat('r', lower(original_recipient)),
            if(startsWith(id, 'q') OR outcome = 'complaint', concat('s', lower(sender)), '')]))),
            arrayJoin(if(startsWith(id, 'q'), arrayDistinct([concat(' ', message_id), ' ']), ['']))) AS address
    FROM
    (
        SELECT stream, file_id, offset, ordinal, outcome, recipient, original_recipient, sender, message_id,
            arrayJoin(arrayConcat(
                if(message_id IN (SELECT arrayJoin((SELECT ids FROM bouncehouse.known_message_ids))), [concat('m', message_id)], []),
                arrayMap(x -> concat('q', x), arrayFilter(x -> x IN (SELECT arrayJoin((SELECT ids FROM bouncehouse.known_queue_ids))),
                    arrayDistinct(arrayConcat([queue_id], splitByChar(' ', cited_queue_ids))))))) AS id
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
            arrayJoin(arrayMap(x -> concat(x, multiIf(
                    NOT startsWith(id, 'q'), '',
                    match(id, '^q[0-9a-f]{16}$') OR startsWith(x, 'r') AND match(id, '^q([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+|[0-9a-f]{8})$'), ' ',
                    message_id = '', ' \n', concat(' ', message_id))),
                [concat('r', lower(recipient)), if(startsWith(id, 'q'), concat('r', lower(original_recipient)), ''), concat('s', lower(sender))])) AS address,
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

-- Bounce mails beside the attempts they speak of: by queue id and recipient, or
-- by message id and recipient. attempt_id is '' where none is found. A queue id with
-- another message id than the attempt's proves nothing.
CREATE OR REPLACE VIEW bouncehouse.bounces {{.OnCluster}} AS
SELECT
    b.event_id AS bounce_id,
    b.time AS bounce_time,
    b.recipient AS recipient,
    b.dsn_origin AS dsn_origin,
    b.verified OR attempt_id != '' AND (a.message_id != '' AND a.message_id = b.message_id OR a.queue_id = b.queue_id AND match(concat('q', a.queue_id), '^q([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+|[0-9a-f]{8}|[0-9a-f]{16})$')) AND bounce_outcome != 'auto-reply' AS verified,
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

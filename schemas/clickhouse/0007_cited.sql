-- Of a claim: the other queue ids in the Received fields of the message that came
-- back. Which server of ours wrote one is told by its name only, which may be
-- another than is known here; that one of them is ours is told by the attempts.
-- Blanks stand between them.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} ADD COLUMN IF NOT EXISTS cited_queue_ids String CODEC(ZSTD(1));

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
        arrayFlatten(arrayMap(x -> [(concat('q', x), r), (concat('q', x), o), (concat('q', x), s)],
            arrayFilter(x -> x != '', splitByChar(' ', cited_queue_ids)))) AS passed,
        arrayFilter(x -> x.1 != '' AND x.2 != '', arrayDistinct(arrayConcat(
            [(m, r), (q, r), (m, o), (q, o), (q, s), (if(outcome = 'complaint', m, ''), s)], passed))) AS keys,
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
        max(outcome = 'delivered') AS delivered,
        -- Of a message of several recipients, nobody knows which one is meant.
        max(outcome IN ('bounced', 'expired')) AND (startsWith(address, 'r') OR NOT delivered) AS failed,
        -- What is cited with its recipient is known best; and a message id goes
        -- with the message where a queue id is one hop's. Of several hops the one
        -- tells that refused it, else one that delivered it.
        (startsWith(address, 'r'), startsWith(id, 'm'), failed, delivered, id) AS rank,
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
            AND queue_id IN (SELECT arrayJoin(arrayPushBack(splitByChar(' ', cited_queue_ids), queue_id)) AS cited FROM bouncehouse.events WHERE claim AND cited != '')
            AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange') -- who count: anyone can
    )
    GROUP BY id, address
) AS a USING (id, address)
GROUP BY event_id, time;

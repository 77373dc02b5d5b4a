-- A message on its way through several servers of ours has a queue id at each, and
-- where their logs have no message id (OpenSMTPD's), nothing else. Which ids are one
-- message the logs say: the reply to a delivery names the queue id at the next hop,
-- and where that is ours, its log has attempts under that id for the same recipient.
--
--   Ok: queued as 4dXk7g1XqCz5vMd                                          Postfix
--   d5ca4f9d Message accepted for delivery                                 OpenSMTPD, Sendmail
--   OK id=1vFoo-00000001abc-0dEf                                           Exim
--   OK ids=8a5475cc                                                        KumoMTA
--   from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4dXk7g1X     amavisd
--
-- A stranger's server can name an id of ours, too: that of another message to the
-- same recipient, which it has received likewise. So it can make one of what it
-- could claim of both, and no more.
--
-- Two hands on are followed, which is three hops; each is a look-up by the index of
-- queue_id more.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} ADD COLUMN IF NOT EXISTS next_queue_id String ALIAS if(outcome IN ('delivered', 'relayed'),
    arrayFirst(x -> x != '', arrayFlatten(extractAllGroups(reply_text,
        '(?i)(?:queued as |\\bids?=)([0-9a-z]+(?:[.-][0-9a-z]+)*)|([0-9a-z]+(?:[.-][0-9a-z]+)*) message accepted for delivery'))), '');

-- The attempts that claims cite, as id: m and a message id, or q and a queue id.
CREATE OR REPLACE VIEW bouncehouse.cited_attempts {{.OnCluster}} AS
SELECT concat('m', message_id) AS id, time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound'
    AND message_id IN (SELECT message_id FROM bouncehouse.events WHERE claim AND message_id != '')
UNION ALL
SELECT concat('q', queue_id) AS id, time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound'
    AND queue_id IN (SELECT arrayJoin(arrayPushBack(splitByChar(' ', cited_queue_ids), queue_id)) AS cited FROM bouncehouse.events WHERE claim AND cited != '')
    AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange'); -- who count: anyone can

-- Those at the next hop of ours, for each address that was handed on to it, and
-- those at the one behind it.
CREATE OR REPLACE VIEW bouncehouse.second_attempts {{.OnCluster}} AS
SELECT time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id, arrayJoin(arrayDistinct([lower(recipient), lower(original_recipient)])) AS handed
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange')
    AND queue_id IN (SELECT next_queue_id FROM bouncehouse.cited_attempts WHERE next_queue_id != '');

CREATE OR REPLACE VIEW bouncehouse.third_attempts {{.OnCluster}} AS
SELECT time, host, queue_id, message_id, recipient, original_recipient, sender, outcome, provider, next_queue_id, arrayJoin(arrayDistinct([lower(recipient), lower(original_recipient)])) AS handed
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange')
    AND queue_id IN (SELECT next_queue_id FROM bouncehouse.second_attempts WHERE next_queue_id != '');

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
GROUP BY event_id, time;

-- The events by five minutes: what our own servers refused is no attempt of theirs, and
-- whoever connects to one can have that; so it has a measure of its own. (Both are
-- counted in the events, by direction; an inbound one has the outcome 'rejected', and
-- no other has.) See 0004 for the projection.
CREATE OR REPLACE VIEW bouncehouse.attempts_5m {{.OnCluster}} AS
SELECT
    toStartOfFiveMinutes(time) AS bucket,
    provider,
    class,
    outcome,
    enhanced_code,
    host,
    if(outcome = 'rejected', 0, sum(counted)) AS attempts, -- what every figure about attempts sums
    if(outcome = 'rejected', sum(counted), 0) AS refusals, -- clients that our own servers refused
    count() AS events                                      -- also repeats, delayed notices and the like
FROM bouncehouse.events
GROUP BY bucket, provider, class, outcome, enhanced_code, host;

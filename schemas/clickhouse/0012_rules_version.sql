-- Which side of a provider answered is stored with the event, by the table of
-- providers of the program that stored it, a user's own ones among them: that table
-- may change without a migration. Rows from before compute it as they did; this list
-- is theirs and does not change any more.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} MODIFY COLUMN IF EXISTS provider_side LowCardinality(String) DEFAULT multiIf(
    direction = 'inbound', '',
    match(remote_host, concat('(?i)(^|[.])(',
        'aspmx[.]l[.]google[.]com|smtp[.]google[.]com|aspmx2[.]googlemail[.]com|aspmx3[.]googlemail[.]com|',
        'aspmx4[.]googlemail[.]com|aspmx5[.]googlemail[.]com|psmtp[.]com|mail[.]protection[.]outlook[.]com|',
        'mail[.]eo[.]outlook[.]com|mx[.]microsoft|protection[.]partner[.]outlook[.]cn|',
        'mx-biz[.]mail[.]am0[.]yahoodns[.]net|mxbiz1[.]qq[.]com|mxbiz2[.]qq[.]com|exmail[.]qq[.]com|',
        'qiye163mx01[.]mxmail[.]netease[.]com|qiye163mx02[.]mxmail[.]netease[.]com|qiye[.]163[.]com|ym[.]163[.]com|',
        'mxhichina[.]com|qiye[.]aliyun[.]com|sina[.]net|263xmail[.]com|emx[.]mail[.]ru|mx[.]yandex[.]net|',
        'worksmobile[.]com|kundenserver[.]de|1and1[.]com|ionos[.]com|ionos[.]de|perfora[.]net|schlund[.]de|',
        'kpnxchange[.]com|mx[.]zoho[.]com|mx2[.]zoho[.]com|mx3[.]zoho[.]com|mx[.]zoho[.]eu|mx2[.]zoho[.]eu|',
        'mx3[.]zoho[.]eu|mx[.]zoho[.]in|mx2[.]zoho[.]in|mx3[.]zoho[.]in',
        ')[.]?$')), 'business',
    match(remote_host, concat('(?i)(^|[.])(',
        'gmail-smtp-in[.]l[.]google[.]com|olc[.]protection[.]outlook[.]com|hotmail[.]com|am0[.]yahoodns[.]net|',
        'gm0[.]yahoodns[.]net|mx1[.]qq[.]com|mx2[.]qq[.]com|mx3[.]qq[.]com|mxmail[.]netease[.]com|',
        'mail[.]aliyun[.]com|sinamail[.]sina[.]com[.]cn|263[.]net|mxs[.]mail[.]ru|mx[.]yandex[.]ru|naver[.]com|',
        'emig[.]gmx[.]net|mx-ha[.]web[.]de|gmx[.]com|mail[.]com|kpnmail[.]nl|smtpin[.]zoho[.]com|',
        'smtpin2[.]zoho[.]com|smtpin3[.]zoho[.]com',
        ')[.]?$')), 'consumer',
    '');

-- By which rules and tables class, provider and template were found: rows with equal
-- ones were judged alike. Rows from before have ''.
ALTER TABLE bouncehouse.events{{if .OnCluster}} {{.OnCluster}}{{end}} ADD COLUMN IF NOT EXISTS rules_version LowCardinality(String) CODEC(ZSTD(1));

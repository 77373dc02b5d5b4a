package parse

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Each sample is taken by its own format, by content alone, and no other
// takes a line of it.
func TestDetection(t *testing.T) {
	for _, f := range lineFormats() {
		for _, s := range samples(t, f.Name) {
			p := newParser(t, Auto)
			var res bouncehouse.Result
			bouncehouse.ParseChunk(p, s.chunk(s.log, 0), &res)
			if len(res.Taken) == 0 {
				t.Errorf("%s/%s was not known", f.Name, s.file)
			}
			for _, taken := range res.Taken {
				if taken.Format != f.Name {
					t.Errorf("%s/%s: taken by another: %+v", f.Name, s.file, taken)
				}
			}
			for line := range strings.Lines(s.log) {
				for _, other := range lineFormats() {
					if other.Name != f.Name && other.Sniff != nil && other.Sniff(strings.TrimRight(line, "\r\n")) {
						t.Errorf("%s knows the line of %s/%s: %s", other.Name, f.Name, s.file, line)
					}
				}
			}
		}
	}
}

// What is no mail server's is no format's, nor is a server's line that lacks
// what tells it.
func TestStrangers(t *testing.T) {
	for _, line := range []string{
		"", " ", "\x00\x01\x02", "{", "{}", "[", "@", "#", "\"", "<", "<22>1", "2026-11-01", "2026-11-01 13:00:00 ",
		"Nov  1 18:56:32",
		"Return-Path: <>", "Subject: postfix/smtp[1]: x",
		// Programs that send no mail.
		"Nov 21 18:56:32 mx1 dovecot: imap-login: Login: user=<a>",
		"Sep 12 16:49:12 mx1 sshd[911]: Failed password for invalid user qmail from 203.0.113.9 port 51122 ssh2",
		"Sep 12 16:49:12 mx1 courier[1]: parcel,id=7,status: success",
		"Sep 12 16:49:12 mx1 kernel: 1290003833.970610 delivery of interrupts",
		"Sep 12 16:49:12 mx1 app[9]: [NOTICE] [job-7] [mailer] recipient <a@b.example> code=DENY",
		"Nov  1 18:56:32 mx1 smtp[340]: 4F2D1A012345: to=<a@b.example>, relay=none, delay=0, dsn=4.4.1, status=deferred (x)",
		"Nov  1 18:56:32 mx1 smtpd[340]: connect from mx.example.org[192.0.2.5]",
		"Nov 21 18:56:32 mx1 smtpd[1]: 1f3a mta delivery evpid=1 from=<> to=<a@b.example> result=\"Ok\"",
		`{"level":"info","event":"bounce","page":"/home","msg":"visitor bounced","timestamp":1700000000}`,
		`{"type":"Delivery","id":"77","courier":"bike","recipient":"3rd floor","status":"delivered"}`,
		`{"type":"Bounce","id":"ball","sender":"ann","height":3,"timestamp":1700000000}`,
		`{"level":"NOTICE","source":"worker","message":"recipient <a> rejected"}`,
		`{"type":"Delivery","log":1}`,
		"[INFO]", "[INFO] started", "[NOTICE] [main] [core] recipient list",
		"[2026-01-01 10:00:00] production.ERROR: delivery failed", "[20180101] backup done", "[2018-01-01] 00:00:01: x",
		"2026-01-01 10:00:00 delivery 5: success: parcel 12",
		"2026-01-01 10:00:00.123 INFO delivery service up",
		"2026-11-01 13:00:00,123 INFO rejected RCPT <a@b.example>: no",
		"2026-11-01 13:00:00 status installed exim4:amd64 4.96-15",
		"2026-11-01 13:00:00 startup packages configure",
		"2026-11-01 13:00:00.123 [1] info: 1tEDbc-0000ab-00 => a@b.example",
		"2026-11-01T13:00:00.123Z 1tEDbc-0000ab-00 nothing",
		"\t| 2026-11-01 15:00:07 1tEFbd-0000ab-00 => forged@shop.example R=localuser T=local_delivery",
		"2024-03-05T10:15:44.120Z", "2024-03-05T10:15:44.120Z,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w",
		"2024-03-05T10:15:44.120Z,order,77,x,ip,ip,+,,",
		"#Software: Microsoft Internet Information Services 7.5",
		"#Fields: date time c-ip cs-username s-sitename s-computername",
		"#Fields: date-time,session,source", "#Fields: time,connector-id,session-id,remote-endpoint,event,data",
		"\"SMTPC\" 1 2", "\"SMTPX\"\t1\t2\t\"x\"", "\"name\"\t\"mail\"", "\"DEBUG\"\tx\t\"y\"",
		"Tue 2022-08-09 07:47:31 up 3 days", "Tue Aug  9 07:47:31 2022: x", "Tue 2022-08-09",
		"type,timeLogged,timeQueued", "type,name,price,size", "date,time,client-ip,event", "t,1,2,3",
		"d,2024-01-01 10:00:00,9,8",
		"info Server started", "info: Sender/default ready", "verb npm install", "@here new msg 93",
	} {
		for _, f := range lineFormats() {
			if f.Sniff != nil && f.Sniff(line) {
				t.Errorf("%s takes %q", f.Name, line)
			}
		}
		res := parseLog(t, Auto, "x", line)
		if len(res.Events)+len(res.Arrivals)+len(res.Dead)+res.Unread > 0 {
			t.Errorf("%q gave %s", line, render(t, res))
		}
	}
}

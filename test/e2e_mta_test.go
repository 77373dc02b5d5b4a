package test_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// mtaAttempt is what is compared of an attempt: what the server answered, and about whom.
type mtaAttempt struct {
	Recipient    string `json:"recipient"`
	Sender       string `json:"sender"`
	RemoteIP     string `json:"remote_ip"`
	Stage        string `json:"stage"`
	Outcome      string `json:"outcome"`
	ReplyCode    int    `json:"reply_code"`
	EnhancedCode string `json:"enhanced_code"`
	ReplyText    string `json:"reply_text"`
}

// mtaCase is what a mail server's log cannot tell.
type mtaCase struct {
	stage     bool // the log tells the SMTP step
	wholeText bool // the log has all lines of a reply
	noSuccess bool // the log leaves out the code of a success
	patient   bool // it waits for minutes on a server that says nothing, and that cannot be set
}

// TestMTARun follows the log of a real Exim, OpenSMTPD and Sendmail while mail goes out and is refused; what is stored
// then is, recipient by recipient, what the servers answered.
func TestMTARun(t *testing.T) {
	for name, c := range map[string]mtaCase{
		"exim":      {stage: true, wholeText: true},
		"opensmtpd": {patient: true},
		"sendmail":  {noSuccess: true},
	} {
		t.Run(name, func(t *testing.T) { testMTARun(t, name, c) })
	}
}

func testMTARun(t *testing.T, name string, c mtaCase) {
	servers := test.SMTP(t)
	zone := test.Zone{
		A: map[string][]string{"mx.pair.example": {"198.51.100.1"}, "mx.example.com": {"198.51.100.200"},
			"mail.example.com": {"192.0.2.1"}},
		MX:  map[string][]string{"pair.example": {"10 mx.pair.example"}, "example.com": {"10 mx.example.com"}},
		PTR: map[string][]string{"198.51.100.1": {"mx.pair.example"}, "192.0.2.1": {"mail.example.com"}},
	}
	// Each recipient has a domain and a server of its own: what a mail server remembers of a host that failed would
	// keep it from trying the next recipient there.
	wanted := map[string]bool{}
	n := 10
	for _, local := range sortedKeys(recipients) {
		if recipients[local] == nil && local != "ok1" && local != "ok2" ||
			c.patient && strings.HasPrefix(local, "hang") {
			continue
		}
		n++
		domain, addr := local+".example", fmt.Sprintf("198.51.100.%d", n)
		zone.MX[domain] = []string{"10 mx." + domain}
		zone.A["mx."+domain], zone.PTR[addr] = []string{addr}, []string{"mx." + domain}
		servers.Listen(test.Host{Name: "mx." + domain, Addr: addr})
		wanted["user@"+domain] = true
		if script := recipients[local]; script != nil {
			servers.Script("user@"+domain, script)
		}
	}
	servers.Listen(test.Host{Name: "mx.pair.example", Addr: "198.51.100.1"})
	servers.Listen(test.Host{Name: "mx.example.com", Addr: "198.51.100.200"}) // takes the bounces
	test.DNS(t, "127.0.0.1:53", zone)

	mta := test.StartMTA(t, name)
	h := newHouse(t, binary(t), "hosts: [mail.example.com]\ndomains: [example.com]\ndns: {enabled: false}\n")
	run := test.Start(t, "run", h.command("run", mta.LogPath()))
	for i, recipient := range sortedKeys(wanted) {
		mta.Send(fmt.Sprintf("news+%d@example.com", i), recipient)
	}
	mta.Send("news@example.com", "one@pair.example", "two@pair.example")
	wanted["one@pair.example"], wanted["two@pair.example"] = true, true

	var flushed time.Time
	test.Await(t, time.Minute, "an empty queue", func() bool {
		if time.Since(flushed) > time.Second {
			flushed = time.Now()
			mta.Flush()
		}
		return time.Since(flushed) > 500*time.Millisecond && mta.Idle()
	})

	wants := map[string][]mtaAttempt{}
	total := 0
	for _, a := range servers.Answers() {
		if !wanted[a.Recipient] || a.Code == 354 || a.Stage == bouncehouse.StageRCPT && a.Code/100 == 2 {
			continue
		}
		ip, _, _ := strings.Cut(a.Addr, ":")
		w := mtaAttempt{Recipient: a.Recipient, Sender: a.Sender, RemoteIP: ip, Stage: string(a.Stage),
			ReplyCode: a.Code, EnhancedCode: a.Enhanced,
			ReplyText: strings.ReplaceAll(a.Text, "\n", " "), Outcome: "deferred"}
		switch a.Code / 100 {
		case 2:
			w.Outcome = "delivered"
		case 5:
			w.Outcome = "bounced"
		}
		wants[a.Recipient] = append(wants[a.Recipient], w)
		total++
	}
	if total < len(wanted)+5 {
		t.Errorf("%d answers about %d recipients: no retries took place", total, len(wanted))
	}
	var late []string
	for recipient, list := range wants {
		if list[len(list)-1].Outcome == "deferred" {
			late = append(late, `{"recipient":"`+recipient+`"}`)
		}
	}
	slices.Sort(late)
	const expired = " AND outcome = 'expired' AND counted"
	test.Await(t, time.Minute, fmt.Sprintf("%d recipients whose time is over", len(late)), func() bool {
		return h.number("SELECT uniqExact(recipient) FROM events WHERE source = '"+name+"'"+expired) >= len(late)
	})
	got := map[string][]mtaAttempt{}
	test.Await(t, time.Minute, fmt.Sprintf("%d attempts among the events", total), func() bool {
		clear(got)
		events := 0
		for _, row := range h.rows("SELECT recipient, sender, remote_ip, stage, outcome, reply_code, enhanced_code, reply_text FROM events" +
			" WHERE source = '" + name +
			"' AND direction = 'outbound' AND counted AND outcome != 'expired' AND recipient NOT LIKE '%@example.com' ORDER BY time, offset, ordinal") {
			var a mtaAttempt
			if err := json.Unmarshal([]byte(row), &a); err != nil {
				t.Fatal(err)
			}
			got[a.Recipient] = append(got[a.Recipient], a)
			events++
		}
		return events >= total
	})
	for recipient := range got {
		if !wanted[recipient] {
			t.Errorf("%s: %d attempts that nobody made: %+v", recipient, len(got[recipient]), got[recipient])
		}
	}
	for _, recipient := range sortedKeys(wanted) {
		if len(got[recipient]) != len(wants[recipient]) {
			t.Errorf("%s: %d attempts, want %d:\n%+v\n%+v", recipient, len(got[recipient]), len(wants[recipient]),
				got[recipient], wants[recipient])
			continue
		}
		for i, g := range got[recipient] {
			w := wants[recipient][i]
			if !c.stage || w.ReplyCode == 0 {
				g.Stage, w.Stage = "", ""
			}
			if c.noSuccess && w.Outcome == "delivered" {
				w.ReplyCode = 0
			}
			switch {
			case w.ReplyCode == 0: // the words and codes are the sending server's
				w.EnhancedCode, w.ReplyText = g.EnhancedCode, g.ReplyText
			case w.EnhancedCode == "":
				w.EnhancedCode = g.EnhancedCode
			}
			if !c.wholeText || w.Outcome == "delivered" {
				w.ReplyText, g.ReplyText = "", ""
			}
			if g != w {
				t.Errorf("%s, attempt %d:\n got %+v\nwant %+v", recipient, i+1, g, w)
			}
		}
	}
	sameRows(t, h.rows("SELECT DISTINCT recipient FROM events WHERE source = '"+name+"'"+expired+" ORDER BY recipient"),
		late)

	run.Stop(30 * time.Second)
	if err := run.Err(); err != nil {
		t.Errorf("run ended with %v after SIGTERM", err)
	}
	mta.Stop()
}

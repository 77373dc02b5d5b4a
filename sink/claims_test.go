package sink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/schemas"
)

// claim is a bounce mail's event, an hour after noon.
func claim(offset int64, messageID, queueID, sender, recipient string) bouncehouse.Event {
	return bouncehouse.Event{
		Origin: bouncehouse.Origin{Stream: "mx1:/var/mail/bounces", FileID: fmt.Sprintf("c%d", offset), Offset: offset},
		Time:   noon.Add(time.Hour + time.Duration(offset)*time.Second), Host: "mx1.example.com",
		Source: bouncehouse.DSN, Direction: bouncehouse.Outbound,
		MessageID: messageID, QueueID: queueID, Sender: sender, Recipient: recipient,
		Outcome: bouncehouse.Bounced, Class: bouncehouse.Policy, Provider: "forger", DSNOrigin: bouncehouse.DSNRemote,
		ContextKnown: true,
	}
}

func complaint(offset int64, messageID, queueID, sender, recipient string) bouncehouse.Event {
	e := claim(offset, messageID, queueID, sender, recipient)
	e.Source, e.Outcome, e.Class, e.FeedbackType = bouncehouse.ARF, bouncehouse.Complaint, bouncehouse.Feedback, "abuse"
	return e
}

// logged are the attempts that the claims speak of, with messages to one and to
// several recipients.
func logged() []bouncehouse.Event {
	at := func(offset int64, messageID, queueID, recipient string, outcome bouncehouse.Outcome) bouncehouse.Event {
		e := attempt(offset, noon.Add(time.Duration(offset)*time.Millisecond))
		e.MessageID, e.QueueID, e.Recipient, e.Outcome = messageID, queueID, recipient, outcome
		return e
	}
	alias := at(600, "one@example.com", "4A0E1D23", "User@forward.example", bouncehouse.Delivered)
	alias.OriginalRecipient = "alias@example.net"
	filter := at(550, "", "4Filter", "only@example.net", bouncehouse.Relayed) // a hop of the message before
	filter.Counted = false
	events := []bouncehouse.Event{
		at(100, "one@example.com", "4A0E1D23", "late@example.net", bouncehouse.Deferred),
		at(200, "one@example.com", "4A0E1D23", "late@example.net", bouncehouse.Delivered),
		at(300, "one@example.com", "4A0E1D23", "refused@example.net", bouncehouse.Bounced),
		at(400, "one@example.com", "4A0E1D23", "waiting@example.net", bouncehouse.Deferred),
		at(500, "", "5eafd00d5eafd00d", "only@example.net", bouncehouse.Delivered),
		filter,
		alias,
		at(820, "", "5eafd00d", "short@example.net", bouncehouse.Delivered), // OpenSMTPD's
		// Sendmail has cut the message id
		at(810, "", "6ALIuY8m000190", "cut@example.net", bouncehouse.Delivered),
		// its relay writes a message id of its own
		at(800, "relayed@example.com", "4jX1fM33S7zCf", "relayed@example.net", bouncehouse.Delivered),
		at(805, "", "930E3B02-4254-4499-8294-70044A00835D.30.1", "haraka@example.net", bouncehouse.Delivered),
	}
	for i, counts := range []bouncehouse.System{bouncehouse.Qmail, bouncehouse.HMailServer, bouncehouse.MDaemon,
		bouncehouse.Exchange} {
		e := at(int64(700+i), "", "39290119061506", "guessed@example.net", bouncehouse.Delivered)
		e.Source = counts
		events = append(events, e)
	}
	return events
}

// proved are claims with what is to be made of each: whether it is verified, and
// the late bounce or complaint that it is one of.
func proved() (events []bouncehouse.Event, verified []bool, figures []string) {
	const sender = "news@example.com"
	tagged, local, repeated := claim(500, "", "", "prvs=0123ABCDEF="+sender, "x@example.org"),
		claim(501, "", "", sender, "y@example.org"), attempt(502, noon)
	tagged.Verified, local.Verified, local.DSNOrigin = true, true, bouncehouse.DSNLocal
	// A row of PowerMTA that repeats a mail is no attempt that proves another.
	repeated.Source, repeated.DSNOrigin, repeated.Outcome, repeated.Counted = bouncehouse.PowerMTA,
		bouncehouse.DSNRemote, bouncehouse.Bounced, false
	repeated.MessageID, repeated.Recipient = "claimed@example.com", "z@example.net"
	notSpam := complaint(401, "one@example.com", "", sender, "late@example.net")
	notSpam.FeedbackType = "not-spam"
	original := claim(15, "one@example.com", "4A0E1D23", "", "whoever@elsewhere.example")
	original.OriginalRecipient = "ALIAS@example.net"
	archived := claim(53, "one@example.com", "", sender, "whoever@elsewhere.example") // a list's address is public
	archived.OriginalRecipient = "alias@example.net"
	// Forwarded mail, whose server is known by another name than it writes.
	passed := func(offset int64, messageID, sender, recipient string, ids ...string) bouncehouse.Event {
		e := claim(offset, messageID, "4OfAnother", sender, recipient)
		e.CitedQueueIDs = ids
		return e
	}
	delayed := claim(16, "one@example.com", "", sender, "late@example.net")
	delayed.Outcome = bouncehouse.Deferred
	for _, c := range []struct {
		event    bouncehouse.Event
		verified bool
		figure   string // "" where it is in none
	}{
		{claim(10, "one@example.com", "", sender, "late@example.net"), true,
			"bounce one@example.com late@example.net google"},
		{claim(11, "one@example.com", "4A0E1D23", "", "LATE@example.net"), true,
			"bounce one@example.com late@example.net google"},
		{claim(13, "", "5eafd00d5eafd00d", "", "only@example.net"), true,
			"bounce mx1.example.com 5eafd00d5eafd00d only@example.net google"},
		{claim(14, "one@example.com", "4A0E1D23", "", "alias@example.net"), true,
			"bounce one@example.com user@forward.example google"},
		{claim(52, "one@example.com", "", sender, "alias@example.net"), false, ""},
		{archived, false, ""},
		{original, true, "bounce one@example.com user@forward.example google"},
		{delayed, true, ""},
		{claim(17, "", "5eafd00d5eafd00d", sender, "forwarded@elsewhere.example"), true,
			"bounce mx1.example.com 5eafd00d5eafd00d only@example.net google"},
		{claim(18, "one@example.com", "4A0E1D23", sender, "forwarded@elsewhere.example"), true,
			"bounce one@example.com  google"},
		{claim(19, "one@example.com", "4A0E1D23", strings.ToUpper(sender), "another@elsewhere.example"), true,
			"bounce one@example.com  google"},
		// its attempt was refused, and is counted
		{claim(20, "one@example.com", "4A0E1D23", sender, "refused@example.net"), true, ""},
		{claim(21, "one@example.com", "4A0E1D23", sender, "waiting@example.net"), true, ""}, // undecided yet
		{passed(22, "one@example.com", sender, "forwarded@elsewhere.example", "4Stranger", "4A0E1D23"), true,
			"bounce one@example.com  google"},
		{passed(23, "one@example.com", "", "late@example.net", "4A0E1D23", "4Stranger"), true,
			"bounce one@example.com late@example.net google"},
		{passed(24, "", sender, "whoever@elsewhere.example", "4Filter", "5eafd00d5eafd00d"), true,
			"bounce mx1.example.com 5eafd00d5eafd00d only@example.net google"},
		// one of its hops was refused
		{passed(25, "one@example.com", sender, "refused@example.net", "4A0E1D23", "4Filter"), true, ""},
		{passed(26, "0100@relay.example", "", "relayed@example.net", "4jX1fM33S7zCf"), true,
			"bounce relayed@example.com relayed@example.net google"},
		{claim(27, "", "5eafd00d", "", "short@example.net"), true,
			"bounce mx1.example.com 5eafd00d short@example.net google"},
		{tagged, true, "bounce prvs=0123ABCDEF=news@example.com x@example.org forger"},
		{local, true, ""},

		{claim(30, "random@example.com", "4Random", sender, "late@example.net"), false, ""},
		// message ids of list mails are public
		{claim(31, "one@example.com", "", sender, "stranger@example.net"), false, ""},
		{claim(32, "one@example.com", "4Random", "", ""), false, ""},
		{claim(33, "", "4A0E1D23", "other@example.com", "stranger@example.net"), false, ""},
		{claim(34, "", "", sender, "late@example.net"), false, ""},
		{claim(40, "", "4A0E1D23", sender, "stranger@example.net"), false, ""}, // an id that was guessed
		{claim(12, "", "4A0E1D23", sender, "late@example.net"), false, ""},
		{passed(44, "random@example.com", "", "late@example.net", "4A0E1D23", "4Filter"), false, ""},
		{passed(47, "0100@relay.example", "other@example.com", "stranger@example.net", "4jX1fM33S7zCf"), false, ""},
		{claim(49, "", "5eafd00d", sender, "stranger@example.net"), false, ""},
		// who received 4jX1fM33S7zBd knows the sender, and microseconds to try
		{claim(50, "", "4jX1fM33S7zCf", sender, "stranger@example.net"), false, ""},
		// who received message 29 of the session can count
		{claim(51, "", "930E3B02-4254-4499-8294-70044A00835D.30.1", sender, "haraka@example.net"), false, ""},
		// who received 6ALIuY8m000189 knows the next
		{claim(48, "", "6ALIuY8m000190", sender, "cut@example.net"), false, ""},
		{claim(46, "", "4Other 5eafd00d5eafd00d", sender, "only@example.net"), false, ""}, // two
		{claim(45, "", "4A0E1D23", "", "late@example.net one@example.com"), false, ""},
		{claim(41, "Other@example.com", "4A0E1D23", sender, "stranger@example.net"), false, ""},
		{passed(42, "random@example.com", sender, "stranger@example.net", "4A0E1D23"), false, ""},
		{claim(43, "", "4A0E1D23", sender+" one@example.com", "stranger@example.net"), false, ""},
		{claim(35, "claimed@example.com", "", sender, "z@example.net"), false, ""},
		{repeated, false, ""},
		{claim(36, "", "39290119061506", sender, "guessed@example.net"), false, ""}, // anyone can count
		{passed(37, "", "other@example.com", "stranger@example.net", "4A0E1D23", "5eafd00d5eafd00d"), false, ""},
		{passed(38, "", sender, "late@example.net", "4Stranger", ""), false, ""},
		{passed(39, "", sender, "late@example.net"), false, ""},
		{claim(36, strings.Repeat("m", 1024), strings.Repeat("q'\\\n", 256), sender, strings.Repeat("\x01r", 512)),
			false, ""},

		{complaint(400, "one@example.com", "", sender, ""), true, "complaint one@example.com  google"},
		{notSpam, true, ""},
		{complaint(402, "one@example.com", "", sender, "late@example.net"), true,
			"complaint one@example.com late@example.net google"},
		{complaint(403, "", "5eafd00d5eafd00d", sender, ""), true,
			"complaint mx1.example.com 5eafd00d5eafd00d only@example.net google"},
		{complaint(404, "one@example.com", "", "", ""), false, ""},
		{complaint(406, "", "4A0E1D23", sender, ""), false, ""},
		{complaint(405, "random@example.com", "", sender, "late@example.net"), false, ""},
	} {
		c.event.Counted = false
		events, verified, figures = append(events, c.event), append(verified, c.verified), append(figures, c.figure)
	}
	return events, verified, figures
}

// TestClaims asks what claims prove, and what the views make of it, whether the
// attempts are stored before them or after.
func TestClaims(t *testing.T) {
	_, c := store(t)
	claims, verified, figures := proved()
	want := map[string]bool{}
	for _, f := range figures {
		if f != "" {
			want[f] = true
		}
	}
	for _, order := range []string{"logs first", "mails first"} {
		t.Run(order, func(t *testing.T) {
			if err := c.conn.Exec(t.Context(), "TRUNCATE TABLE bouncehouse.events"); err != nil {
				t.Fatal(err)
			}
			stored := append([]bouncehouse.Event{}, claims...)
			if order == "logs first" {
				write(t, c, bouncehouse.Batch{ID: "logs"}, &bouncehouse.Result{Events: logged()})
			}
			if err := c.Context().Enrich(t.Context(), &bouncehouse.Result{Events: stored}); err != nil {
				t.Fatal(err)
			}
			write(t, c, bouncehouse.Batch{ID: "mails"}, &bouncehouse.Result{Events: stored})
			for i, e := range stored {
				if e.Verified != (verified[i] && (claims[i].Verified || order == "logs first")) {
					t.Errorf("%s of %s, %s: stored with verified %v", e.Outcome, e.MessageID+e.QueueID, e.Recipient,
						e.Verified)
				}
				if e.Sender != claims[i].Sender || e.MessageID != claims[i].MessageID {
					t.Errorf("a claim was changed: %+v", e)
				}
			}
			if order == "mails first" {
				write(t, c, bouncehouse.Batch{ID: "logs"}, &bouncehouse.Result{Events: logged()})
			}
			var proven []string
			if err := c.conn.QueryRow(t.Context(),
				"SELECT groupArray(event_id) FROM bouncehouse.claims WHERE verified").Scan(&proven); err != nil {
				t.Fatal(err)
			}
			for i, e := range claims {
				if got := slices.Contains(proven, e.ID()); got != verified[i] {
					t.Errorf("%s of %s, %s: verified %v", e.Outcome, e.MessageID+e.QueueID, e.Recipient, got)
				}
			}
			got := map[string]bool{}
			for _, key := range claimFigures(t, c, "provider") {
				if got[key] {
					t.Errorf("twice: %s", key)
				}
				got[key] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
			if n, m := value[uint64](t, c, "SELECT sum(attempts) FROM bouncehouse.attempts_5m"),
				value[uint64](t, c, "SELECT sum(counted) FROM bouncehouse.events"); n != 14 || m != 14 {
				t.Errorf("%d and %d attempts, want 14", n, m)
			}
		})
	}
}

// claimFigures are the rows of late_bounces and complaints, each with one more column.
func claimFigures(t *testing.T, c *ClickHouse, column string) (lines []string) {
	t.Helper()
	const row = "SELECT '%s', message, recipient, toString(%s) FROM bouncehouse.%s"
	rows, err := c.conn.Query(t.Context(), fmt.Sprintf(row+" UNION ALL "+row, "bounce", column, "late_bounces",
		"complaint", column, "complaints"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var f [4]string
		if err := rows.Scan(&f[0], &f[1], &f[2], &f[3]); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Join(f[:], " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	var more uint64
	if err := c.conn.QueryRow(t.Context(), `SELECT count() FROM bouncehouse.bounces
WHERE verified AND bounce_id IN (SELECT event_id FROM bouncehouse.claims WHERE NOT verified)`).Scan(&more); err != nil || more > 0 {
		t.Errorf("%d bounces are verified which claims do not verify: %v", more, err)
	}
	return lines
}

// TestClaimsUpgrade brings up a database in which claims were counted: neither
// table nor projection has them after it, whatever the engine merges.
func TestClaimsUpgrade(t *testing.T) {
	s := startEngine(t)
	c := s.open(t)
	ms, err := schemas.Migrations("")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms[:6] {
		if err := c.apply(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if m.Version > 0 {
			if err := c.conn.Exec(t.Context(),
				fmt.Sprintf("INSERT INTO bouncehouse.schema_migrations (version, name) VALUES (%d, '%s')", m.Version,
					m.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, source := range []string{"postfix", "dsn", "arf", "powermta", "kumomta", "exim"} {
		// Two months and two parts of each.
		for _, month := range []string{"2026-10", "2026-11"} {
			if err := c.conn.Exec(t.Context(),
				fmt.Sprintf(`INSERT INTO bouncehouse.events (stream, file_id, offset, ordinal, time, source, direction, outcome, dsn_origin, counted, enhanced_code)
SELECT 's%d', 'f', number, 0, toDateTime64('%s-05 12:00:00', 3, 'UTC') + number, '%s', 'outbound', '%s', '%s', 1, '5.7.1' FROM numbers(1000)`,
					i, month, source, map[string]string{"arf": "complaint",
						"kumomta": "complaint"}[source]+map[bool]string{true: "bounced"}[source != "arf" &&
						source != "kumomta"],
					map[string]string{"dsn": "remote", "powermta": "remote"}[source])); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 { // interrupted before it was recorded, it is run again
		if err := c.conn.Exec(t.Context(), "DELETE FROM bouncehouse.schema_migrations WHERE version = 6"); err != nil {
			t.Fatal(err)
		}
		if err := c.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := value[uint64](t, c, "SELECT sum(counted) FROM bouncehouse.events WHERE claim"); n != 0 {
			t.Errorf("%d claims are counted", n)
		}
		if n := value[uint64](t, c, "SELECT sum(attempts) FROM bouncehouse.attempts_5m"); n != 4000 {
			t.Errorf("%d attempts in the rollup, want 4,000 of Postfix and Exim", n)
		}
		if n := value[uint64](t, c, projectionDiffers); n != 0 {
			t.Errorf("the projection differs from the events in %d groups", n)
		}
		if err := c.conn.Exec(t.Context(), "OPTIMIZE TABLE bouncehouse.events FINAL"); err != nil {
			t.Fatal(err)
		}
	}
	if n := value[uint64](t, c,
		"SELECT count() FROM bouncehouse.claims WHERE NOT verified AND counts_as != ''"); n != 8000 {
		t.Errorf("%d claims that prove nothing, want 8,000", n)
	}
}

package sink

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// TestClaimsHops asks what the views make of claims that cite different hops of
// a message, in either order.
func TestClaimsHops(t *testing.T) {
	_, c := store(t)
	const sender = "news@example.com"
	var logs, mails []bouncehouse.Event
	var want []string
	hop := func(host, messageID, queueID, recipient string, outcome bouncehouse.Outcome, reply string) {
		n := int64(len(logs) + 1)
		e := attempt(100*n, noon.Add(time.Duration(n)*time.Second))
		e.Host, e.MessageID, e.QueueID, e.Recipient, e.Outcome, e.ReplyText = host, messageID, queueID, recipient,
			outcome, reply
		e.Source, e.ContextKnown = bouncehouse.OpenSMTPD, true
		logs = append(logs, e)
	}
	cites := func(of func(int64, string, string, string, string) bouncehouse.Event, messageID, recipient string,
		ids ...string) {
		e := of(int64(10+len(mails)), messageID, ids[0], sender, recipient)
		e.CitedQueueIDs = ids[1:]
		mails = append(mails, e)
	}
	figure := func(of string) { want = append(want, of) }
	const delivered, deferred, bounced = bouncehouse.Delivered, bouncehouse.Deferred, bouncehouse.Bounced

	// No hop has a message id.
	hop("app", "", "aa000001aa000001", "a@example.net", deferred, "Greylisted")
	hop("app", "", "aa000001aa000001", "a@example.net", delivered, "aa000002aa000002 Message accepted for delivery")
	hop("gw", "", "aa000002aa000002", "a@example.net", delivered, "Ok: queued as 4OfTheReceiver")
	cites(claim, "", "a@example.net", "aa000001aa000001")
	cites(claim, "", "A@example.net", "aa000002aa000002")
	cites(claim, "", "a@example.net", "aa000002aa000002", "aa000001aa000001")
	cites(claim, "", "forwarded@example.org", "aa000001aa000001")
	cites(complaint, "", "", "aa000001aa000001")
	cites(complaint, "", "a@example.net", "aa000002aa000002")
	figure("bounce gw aa000002aa000002 a@example.net 4")
	figure("complaint gw aa000002aa000002 a@example.net 2")

	// The next hop logged the failure, or is still at it.
	hop("app", "", "ab000001ab000001", "b@example.net", delivered, "ab000002ab000002 Message accepted for delivery")
	hop("gw", "", "ab000002ab000002", "b@example.net", bounced, "No such user")
	cites(claim, "", "b@example.net", "ab000001ab000001")
	cites(claim, "", "b@example.net", "ab000001ab000001", "ab000002ab000002")
	hop("app", "", "ab000003ab000003", "b@example.net", delivered, "OK id=1vFoo-00000001abc-0dEf")
	hop("gw", "", "1vFoo-00000001abc-0dEf", "b@example.net", deferred, "Try again")
	cites(claim, "", "b@example.net", "ab000003ab000003")

	// One of the hops has a message id.
	hop("app", "", "ac000001ac000001", "c@example.net", delivered, "Ok: queued as 4dXk7g1XqCz5vMd")
	hop("gw", "c@example.com", "4dXk7g1XqCz5vMd", "c@example.net", delivered, "OK")
	cites(claim, "", "c@example.net", "ac000001ac000001")
	cites(claim, "c@example.com", "c@example.net", "")
	figure("bounce c@example.com c@example.net 2")
	hop("app", "d@example.com", "4dXk7g1XqCz5vMe", "d@example.net", delivered,
		"ad000002ad000002 Message accepted for delivery")
	hop("gw", "", "ad000002ad000002", "d@example.net", delivered, "OK")
	cites(claim, "d@example.com", "d@example.net", "")
	cites(claim, "", "d@example.net", "ad000002ad000002")
	figure("bounce gw ad000002ad000002 d@example.net 2")

	// Through a filter, and an alias that the last hop resolves.
	hop("app", "", "ae000001ae000001", "e@example.net", bouncehouse.Relayed,
		"from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as ae000002ae000002")
	hop("app", "", "ae000002ae000002", "e@example.net", delivered, "OK ids=ae000003ae000003.")
	hop("gw", "", "ae000003ae000003", "E.Box@example.net", delivered, "OK")
	logs[len(logs)-1].OriginalRecipient = "E@example.net"
	cites(claim, "", "e@example.net", "ae000001ae000001")
	cites(claim, "", "e@example.net", "ae000002ae000002")
	cites(claim, "", "e.box@example.net", "ae000003ae000003")
	cites(claim, "", "e.box@example.net", "ae000003ae000003", "ae000002ae000002", "ae000001ae000001")
	figure("bounce gw ae000003ae000003 e.box@example.net 4")

	// Recipients that went different ways: the message as a whole is the first hop's.
	hop("app", "", "af000001af000001", "f1@example.net", delivered, "af000002af000002 Message accepted for delivery")
	hop("app", "", "af000001af000001", "f2@example.org", delivered, "af000003af000003 Message accepted for delivery")
	hop("gw", "", "af000002af000002", "f1@example.net", delivered, "OK")
	hop("gw", "", "af000003af000003", "f2@example.org", bounced, "No such user")
	cites(claim, "", "f1@example.net", "af000001af000001")
	cites(claim, "", "forwarded@example.org", "af000002af000002")
	cites(claim, "", "f2@example.org", "af000001af000001")
	cites(complaint, "", "", "af000001af000001")
	figure("bounce gw af000002af000002 f1@example.net 2")
	figure("complaint app af000001af000001  1")

	// A stranger's server names an id of ours: another's message stays its own,
	// and a ring ends.
	hop("gw", "", "b0000001b0000001", "g@example.net", delivered, "Ok: queued as b0000002b0000002")
	hop("gw", "", "b0000002b0000002", "victim@example.org", bounced, "No such user")
	hop("gw", "", "b0000003b0000003", "g@example.net", delivered, "Ok: queued as b0000004b0000004")
	hop("gw", "", "b0000004b0000004", "g@example.net", delivered, "Ok: queued as b0000003b0000003")
	cites(claim, "", "g@example.net", "b0000001b0000001")
	cites(claim, "", "g@example.net", "b0000003b0000003")
	figure("bounce gw b0000001b0000001 g@example.net 1")
	figure("bounce gw b0000003b0000003 g@example.net 1")

	slices.Sort(want)
	write2 := func(first, second []bouncehouse.Event) {
		write(t, c, bouncehouse.Batch{ID: "first"}, &bouncehouse.Result{Events: first})
		write(t, c, bouncehouse.Batch{ID: "second"}, &bouncehouse.Result{Events: second})
	}
	for order, do := range map[string]func(){
		"logs first":  func() { write2(logs, mails) },
		"mails first": func() { write2(mails, logs) },
		"the last hop first": func() {
			back := slices.Clone(logs)
			slices.Reverse(back)
			write2(append(back[:len(back)/2:len(back)/2], mails...), back[len(back)/2:])
		},
	} {
		t.Run(order, func(t *testing.T) {
			if err := c.conn.Exec(t.Context(), "TRUNCATE TABLE bouncehouse.events"); err != nil {
				t.Fatal(err)
			}
			do()
			got := claimFigures(t, c, "mails")
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}

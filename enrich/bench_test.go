package enrich

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

func corpusEvents(t testing.TB) []bouncehouse.Event {
	var events []bouncehouse.Event
	for _, r := range readLabelled(t, "testdata/replies.jsonl") {
		said := bouncehouse.ParseReply(r.Reply)
		events = append(events, bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced,
			ReplyCode: said.Code, EnhancedCode: said.Enhanced,
			ReplyText: bouncehouse.Clean(said.Text, bouncehouse.MaxText)})
	}
	return events
}

// asParsed empties what the classifier fills.
func asParsed(events []bouncehouse.Event) {
	for i := range events {
		e := &events[i]
		e.Class, e.Rule, e.Provider, e.ProviderCode, e.Template, e.DNSBL = "", "", "", "", "", ""
		e.CitedIP, e.URLs = netip.Addr{}, nil
	}
}

func benchClassify(b *testing.B, opt Options, before func(c *Classifier)) {
	c := newClassifier(b, opt)
	events := corpusEvents(b)
	b.ReportAllocs()
	for b.Loop() {
		asParsed(events)
		before(c)
		if err := c.Enrich(b.Context(), &bouncehouse.Result{Events: events}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/reply")
}

func forget(c *Classifier) { clear(c.seen.slots) }

// No template was seen before.
func BenchmarkClassifyCold(b *testing.B) { benchClassify(b, Options{}, forget) }

// Each template was seen before.
func BenchmarkClassifySeen(b *testing.B) {
	benchClassify(b, Options{}, func(*Classifier) {})
}

// As cold, with as many rules again: the same words in another order.
func BenchmarkClassifyColdTwiceTheRules(b *testing.B) {
	var more []Rule
	for _, r := range Rules() {
		r.Name += "-turned"
		for _, groups := range []*[]string{&r.All, &r.None} {
			var turned []string
			for _, g := range *groups {
				words := split(g)
				for i, w := range words {
					w = strings.Trim(w, "_")
					words[i] = "_" + w[len(w)/2:] + w[:len(w)/2]
				}
				turned = append(turned, strings.ToLower(strings.Join(words, "|")))
			}
			*groups = turned
		}
		if len(r.All) > 0 {
			more = append(more, r)
		}
	}
	benchClassify(b, Options{Rules: more}, forget)
}

// As cold, with a user's rule that has nothing but a regular expression.
func BenchmarkClassifyColdOwnMatch(b *testing.B) {
	rule := Rule{Name: "own", Class: bouncehouse.Policy, Match: `quota of user [a-z]+ exceeded`}
	benchClassify(b, Options{Rules: []Rule{rule}}, forget)
}

// The time for a reply grows with its length, and not beyond MaxText.
func BenchmarkClassifyLength(b *testing.B) {
	for _, kind := range []struct{ name, part string }{
		{"words", "the mailbox is full and blocked "}, {"addresses", "<user@example.com> 192.0.2.1, "},
		{"slashes", "a1/b2:c3=d4/::1?x@y&"},
		{"points", "1.2.3.a."}, {"anchors", "spamhaus"}, {"marks", "[ts01](as(1"},
	} {
		for _, size := range []int{64, 512, 4096, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, size), func(b *testing.B) {
				c := newClassifier(b, Options{})
				events := []bouncehouse.Event{{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced,
					ReplyCode: 550,
					ReplyText: strings.Repeat(kind.part, size/len(kind.part)+1)[:size]}}
				for b.Loop() {
					asParsed(events)
					forget(c)
					_ = c.Enrich(b.Context(), &bouncehouse.Result{Events: events})
				}
			})
		}
	}
}

func BenchmarkNewClassifier(b *testing.B) {
	for b.Loop() {
		newClassifier(b, Options{})
	}
}

// What most lines tell: a delivery to a host that is known.
func BenchmarkDelivered(b *testing.B) {
	c := newClassifier(b, Options{Egress: []netip.Addr{netip.MustParseAddr("203.0.113.25")}})
	events := []bouncehouse.Event{{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Delivered,
		Recipient:  "user@example.com",
		RemoteHost: "example-com.mail.protection.outlook.com", ReplyCode: 250, EnhancedCode: "2.6.0",
		ReplyText: "Queued mail for delivery"}}
	b.ReportAllocs()
	for b.Loop() {
		events[0].Provider, events[0].Class = "", ""
		_ = c.Enrich(b.Context(), &bouncehouse.Result{Events: events})
	}
}

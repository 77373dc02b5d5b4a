package explain

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"

	"github.com/bouncehouse/bouncehouse"
)

// Every class has an entry in every language, whole, and in that language.
func TestEveryClassInEveryLanguage(t *testing.T) {
	for _, l := range Langs() {
		w, err := language(l)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.classes) != len(bouncehouse.Classes()) || len(kinds()) != len(bouncehouse.Classes()) {
			t.Errorf("%s: %d entries, %d kinds for %d classes", l, len(w.classes), len(kinds()),
				len(bouncehouse.Classes()))
		}
		for _, class := range bouncehouse.Classes() {
			entry, ok := w.classes[class]
			if _, known := kinds()[class]; !ok || !known {
				t.Errorf("%s: %s has no entry", l, class)
				continue
			}
			texts := append(append([]string{entry.meaning, entry.retry}, entry.causes...), entry.steps...)
			if len(entry.causes) == 0 || len(entry.steps) == 0 {
				t.Errorf("%s: %s has no causes or no steps", l, class)
			}
			for _, text := range texts {
				han := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
				if text == "" || han != (l == Chinese) && !strings.HasPrefix(text, "dig ") {
					t.Errorf("%s: %s: %q", l, class, text)
				}
			}
			if strings.Count(strings.TrimRight(entry.meaning, ".。"),
				". ")+strings.Count(strings.TrimRight(entry.meaning, "。"), "。") > 0 {
				t.Errorf("%s: %s: the meaning is more than one sentence: %s", l, class, entry.meaning)
			}
		}
		for _, turn := range Turns() {
			if w.turns[turn] == "" {
				t.Errorf("%s: turn %s has no words", l, turn)
			}
		}
	}
	if _, err := Explain(&bouncehouse.Event{}, Context{}, "fr"); err == nil {
		t.Error("a language that is not there is no error")
	}
}

func TestExplain(t *testing.T) {
	ip := netip.MustParseAddr("203.0.113.25")
	for name, tt := range map[string]struct {
		event bouncehouse.Event
		known Context
		retry bool
		want  []string // within notes, when and links
		not   []string
	}{
		"a greylisting is waited for": {bouncehouse.Event{Class: bouncehouse.Greylisted, ReplyCode: 450}, Context{},
			true, []string{"15 is common"}, []string{"temporary (4xx)"}},
		"a final one is not tried again": {bouncehouse.Event{Class: bouncehouse.MailboxFull, ReplyCode: 552},
			Context{ProviderName: "Google", ProviderHelp: "postmaster.google.com"}, false,
			[]string{"final (5xx)"}, []string{"postmaster.google.com"}},
		"a temporary one does not pass by itself": {bouncehouse.Event{Class: bouncehouse.NoRDNS, ReplyCode: 450,
			CitedIP: ip}, Context{}, false, []string{"temporary (4xx)", "203.0.113.25"}, nil},
		"a listing": {bouncehouse.Event{Class: bouncehouse.DNSBL, ReplyCode: 554, DNSBL: "zen.spamhaus.org",
			SubjectIP: ip, URLs: []string{"https://www.spamhaus.org/query/ip/203.0.113.25"},
			DNSBLListed: []string{"zen.spamhaus.org", "bl.spamcop.net"}},
			Context{ListLookup: "check.spamhaus.org"}, false,
			[]string{"names the blocklist zen.spamhaus.org", "check.spamhaus.org",
				"https://www.spamhaus.org/query/ip/203.0.113.25", "stood on: zen.spamhaus.org, bl.spamcop.net"},
			[]string{"shut down"}},
		"a dead list": {bouncehouse.Event{Class: bouncehouse.DNSBL, DNSBL: "sorbs"}, Context{ListDead: true}, false,
			[]string{"sorbs, which has been shut down"}, nil},
		"our own refusal": {bouncehouse.Event{Class: bouncehouse.BadHELO, Direction: bouncehouse.Inbound}, Context{},
			false, []string{"Your own server gave this reply"}, nil},
		"reverse DNS, seen": {bouncehouse.Event{Class: bouncehouse.Reputation, SubjectIP: ip,
			RDNSStatus: bouncehouse.RDNSNone}, Context{ProviderName: "Yahoo",
			ProviderHelp: "a.example/x (form, log in), a form somewhere, me@b.example"}, false,
			[]string{"203.0.113.25 had no reverse name", "postmaster pages of Yahoo (form, log in) https://a.example/x",
				"mailto:me@b.example"}, []string{"somewhere"}},
		"a provider's own code": {bouncehouse.Event{Class: bouncehouse.SpamContent, ProviderCode: "DT:SPM",
			ReplyCode: 451}, Context{}, false, []string{"after two minutes"}, nil},
		"in brackets": {bouncehouse.Event{Class: bouncehouse.Reputation, ProviderCode: "[TSS04]"}, Context{}, false,
			[]string{"complaints or volume"}, nil},
		"no class": {bouncehouse.Event{}, Context{}, false, []string{"4xx is tried again"}, nil},
	} {
		a, err := Explain(&tt.event, tt.known, English)
		if err != nil {
			t.Fatal(err)
		}
		all := a.When + "\n" + strings.Join(a.Notes, "\n")
		for _, l := range a.Links {
			all += "\n" + l.What + " " + l.URL
		}
		for _, w := range tt.want {
			if !strings.Contains(all, w) {
				t.Errorf("%s: %q lacks in\n%s", name, w, all)
			}
		}
		for _, w := range tt.not {
			if strings.Contains(all, w) {
				t.Errorf("%s: %q is in\n%s", name, w, all)
			}
		}
		if a.Retry != tt.retry {
			t.Errorf("%s: retry %v", name, a.Retry)
		}
	}
}

// A provider's code has one note, in both languages.
func TestCodeNotes(t *testing.T) {
	met := map[string]bool{}
	for _, n := range codeNotes() {
		if n.en == "" || n.zh == "" || n.codes == "" {
			t.Errorf("%+v", n)
		}
		for _, code := range strings.Fields(n.codes) {
			if met[code] {
				t.Errorf("%s twice", code)
			}
			met[code] = true
		}
	}
}

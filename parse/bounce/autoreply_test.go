package bounce

import (
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

func TestReplySubject(t *testing.T) {
	for subject, want := range map[string][2]bool{ // of any mail, of a program's
		"Automatic reply: The news":       {true, true},
		"Out of Office: The news":         {true, true},
		"Out of office? Book a holiday":   {false, true},
		"Automatische Antwort: Angebot":   {true, true},
		"Réponse automatique : Offre":     {true, true},
		"自动回复：报价":                         {true, true},
		"【自动回复】报价":                        {true, true},
		"自動応答":                            {true, true},
		"Автоматический ответ: Новости":   {true, true},
		"Auto: the new models":            {false, true},
		"Re: Automatic reply: The news":   {false, false},
		"The news on automatic reply: no": {false, false},
		"":                                {false, false},
	} {
		if got := [2]bool{replySubject(subject, false), replySubject(subject, true)}; got != want {
			t.Errorf("%q: got %v, want %v", subject, got, want)
		}
	}
}

// TestAutoReply tries each sign of an automatic reply, and what goes before it.
func TestAutoReply(t *testing.T) {
	for name, test := range map[string]struct {
		header string
		want   bool
	}{
		"RFC 3834":                     {"Auto-Submitted: auto-replied", true},
		"with a comment":               {"Auto-Submitted: auto-replied (vacation)", true},
		"with a parameter":             {"auto-submitted: Auto-Replied; owner-email=\"a@example.net\"", true},
		"X-Autoreply":                  {"X-Autoreply: yes", true},
		"X-Autorespond":                {"X-Autorespond: The news", true},
		"Precedence":                   {"Precedence: auto_reply", true},
		"no person, no reply":          {"Auto-Submitted: auto-generated", false},
		"a notification":               {"Auto-Submitted: auto-notified", false},
		"a person":                     {"Auto-Submitted: no", false},
		"X-Autoreply: no":              {"X-Autoreply: no", false},
		"bulk":                         {"Precedence: bulk", false},
		"through a list":               {"Auto-Submitted: auto-replied\nList-Id: <l.example.net>", false},
		"a failure":                    {"Auto-Submitted: auto-replied\nX-Failed-Recipients: a@example.net", false},
		"generated, with the subject":  {"Auto-Submitted: auto-generated\nSubject: Automatic reply: x", true},
		"the subject alone":            {"Subject: Automatic reply: x", true},
		"a failure in the subject":     {"Auto-Submitted: auto-replied\nSubject: Undeliverable: x", false},
		"suppressing, out of office":   {"X-Auto-Response-Suppress: All\nSubject: Out of office", true},
		"suppressing, another subject": {"X-Auto-Response-Suppress: All\nSubject: Invoice", false},
	} {
		res, _ := parseDSN(t, dsnOptions, "From: Ann <ann@example.net>\nTo: news@example.com\n"+test.header+
			"\nDate: Mon, 2 Nov 2026 09:00:00 +0000\n\nText.\n")
		if got := len(res.Events) == 1 && res.Events[0].Outcome == bouncehouse.AutoReply &&
			res.Events[0].Recipient == "ann@example.net" && !res.Events[0].Counted; got != test.want ||
			len(res.Events) > 0 != test.want {
			t.Errorf("%s: %+v", name, res.Events)
		}
	}
}

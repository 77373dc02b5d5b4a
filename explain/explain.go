// Package explain tells a postmaster what a reply means and what to do about
// it, in English and Chinese. What is told depends on the event's class; the
// event fills in who, which address and which list. All of it is data: one
// entry a class and language.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Lang is a language of the texts.
type Lang string

const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Langs lists every language.
func Langs() []Lang { return []Lang{English, Chinese} }

// Turn is whose turn it is.
type Turn string

const (
	SenderDNS Turn = "sender-dns" // the sender's DNS or host names have to change
	Sender    Turn = "sender"     // the sender's servers, mail or lists
	Recipient Turn = "recipient"  // only the recipient can change it
	Remote    Turn = "remote"     // the receiving system's postmaster, or the queue
	Nobody    Turn = "nobody"     // wait
)

// Turns lists every turn.
func Turns() []Turn { return []Turn{SenderDNS, Sender, Recipient, Remote, Nobody} }

// Advice is what is told of an event.
type Advice struct {
	Class   bouncehouse.Class `json:"class"`
	Meaning string            `json:"meaning"` // one sentence
	Turn    Turn              `json:"turn"`
	Whose   string            `json:"whose"`       // Turn in words
	Retry   bool              `json:"retry_helps"` // the same message may pass later as it is
	When    string            `json:"retry"`       // whether retrying helps, and when
	Causes  []string          `json:"causes"`      // the likeliest first
	Steps   []string          `json:"steps"`
	Notes   []string          `json:"notes,omitempty"` // what this very reply adds
	Links   []Link            `json:"links,omitempty"`
}

// Link is a page to look at.
type Link struct {
	What string `json:"what"`
	URL  string `json:"url"`
}

// Context is what other tables know of the event.
type Context struct {
	ProviderName string // in words
	ProviderHelp string // its pages, by commas
	ListLookup   string // the page of the blocklist that the reply names
	ListDead     bool   // that list answers no more
}

// entry is what is told of a class in one language.
type entry struct {
	meaning string
	retry   string
	causes  []string
	steps   []string
}

// kind is what holds of a class in every language.
type kind struct {
	turn  Turn
	retry bool // waiting alone may help
}

func kinds() map[bouncehouse.Class]kind {
	return map[bouncehouse.Class]kind{
		bouncehouse.ClassDelivered:      {Nobody, false},
		bouncehouse.NoSuchUser:          {Sender, false},
		bouncehouse.MailboxDisabled:     {Recipient, false},
		bouncehouse.MailboxFull:         {Recipient, true},
		bouncehouse.RecipientMoved:      {Sender, false},
		bouncehouse.RecipientRefused:    {Recipient, false},
		bouncehouse.NoSuchDomain:        {Sender, false},
		bouncehouse.DomainAcceptsNoMail: {Sender, false},
		bouncehouse.DNSBL:               {Sender, false},
		bouncehouse.Reputation:          {Sender, false},
		bouncehouse.DynamicIP:           {Sender, false},
		bouncehouse.SpamContent:         {Sender, false},
		bouncehouse.Virus:               {Sender, false},
		bouncehouse.RateLimited:         {Sender, true},
		bouncehouse.Greylisted:          {Nobody, true},
		bouncehouse.NoRDNS:              {SenderDNS, false},
		bouncehouse.BadHELO:             {SenderDNS, false},
		bouncehouse.AuthFailed:          {SenderDNS, false},
		bouncehouse.SenderRejected:      {Sender, false},
		bouncehouse.RelayDenied:         {Sender, false},
		bouncehouse.AuthRequired:        {Sender, false},
		bouncehouse.TLSFailed:           {Sender, false},
		bouncehouse.Policy:              {Sender, false},
		bouncehouse.TooLarge:            {Sender, false},
		bouncehouse.TooManyRecipients:   {Sender, true},
		bouncehouse.Malformed:           {Sender, false},
		bouncehouse.DNSFailure:          {SenderDNS, true},
		bouncehouse.ConnectionFailed:    {Remote, true},
		bouncehouse.Routing:             {Sender, false},
		bouncehouse.ProtocolError:       {Sender, false},
		bouncehouse.RemoteSystem:        {Remote, true},
		bouncehouse.ClassExpired:        {Sender, false},
		bouncehouse.Undetermined:        {Sender, false},
		bouncehouse.Feedback:            {Sender, false},
		bouncehouse.ClassAutoReply:      {Nobody, false},
	}
}

// words are the fixed phrases of a language.
type words struct {
	classes map[bouncehouse.Class]entry
	turns   map[Turn]string

	space     string // between sentences
	permanent string // added where the reply was 5xx and the class may pass by waiting
	temporary string // added where the reply was 4xx and waiting alone will not help
	inbound   string
	address   string // %s
	list      string // %s
	deadList  string // %s
	noRDNS    string // %s
	listedBy  string // %s, %s

	helpOf, pageOf, named string
}

func language(l Lang) (words, error) {
	switch l {
	case English:
		return english(), nil
	case Chinese:
		return chinese(), nil
	}
	return words{}, fmt.Errorf("language %q: use en or zh", l)
}

// Explain tells what e means, which has a class. An error is a language that
// is not known.
func Explain(e *bouncehouse.Event, c Context, l Lang) (Advice, error) {
	w, err := language(l)
	if err != nil {
		return Advice{}, err
	}
	class := e.Class
	if _, ok := w.classes[class]; !ok {
		class = bouncehouse.Undetermined
	}
	k, t := kinds()[class], w.classes[class]
	a := Advice{Class: class, Meaning: t.meaning, Turn: k.turn, Whose: w.turns[k.turn], Retry: k.retry, When: t.retry,
		Causes: t.causes, Steps: t.steps}
	switch {
	case k.retry && e.ReplyCode >= 500:
		a.Retry, a.When = false, w.permanent+w.space+t.retry
	case !k.retry && e.ReplyCode/100 == 4:
		a.When = w.temporary + w.space + t.retry
	}
	a.Notes = w.notes(e, c, l)
	a.Links = w.links(e, c)
	return a, nil
}

// notes are what the event adds to its class.
func (w *words) notes(e *bouncehouse.Event, c Context, l Lang) (notes []string) {
	if e.Direction == bouncehouse.Inbound {
		notes = append(notes, w.inbound)
	}
	if note := noteOf(e.ProviderCode, l); note != "" {
		notes = append(notes, note)
	}
	ip := e.CitedIP
	if !ip.IsValid() {
		ip = e.SubjectIP
	}
	if ip.IsValid() && aboutAddress(e.Class) {
		notes = append(notes, fmt.Sprintf(w.address, ip))
	}
	if e.DNSBL != "" {
		note := w.list
		if c.ListDead {
			note = w.deadList
		}
		notes = append(notes, fmt.Sprintf(note, e.DNSBL))
	}
	if len(e.DNSBLListed) > 0 {
		notes = append(notes, fmt.Sprintf(w.listedBy, e.SubjectIP, strings.Join(e.DNSBLListed, ", ")))
	}
	if e.RDNSStatus == bouncehouse.RDNSNone || e.RDNSStatus == bouncehouse.RDNSMismatch {
		notes = append(notes, fmt.Sprintf(w.noRDNS, e.SubjectIP))
	}
	return notes
}

// aboutAddress tells whether the class is about the sending address.
func aboutAddress(class bouncehouse.Class) bool {
	return slices.Contains([]bouncehouse.Class{bouncehouse.DNSBL, bouncehouse.Reputation, bouncehouse.DynamicIP,
		bouncehouse.NoRDNS,
		bouncehouse.RateLimited, bouncehouse.Greylisted, bouncehouse.BadHELO, bouncehouse.AuthFailed}, class)
}

// links are the pages for this reply: those that it names, the blocklist's,
// the provider's. A link of a stranger's is shown, never followed.
func (w *words) links(e *bouncehouse.Event, c Context) (links []Link) {
	for _, u := range e.URLs {
		links = append(links, Link{w.named, u})
	}
	if c.ListLookup != "" {
		links = append(links, Link{fmt.Sprintf(w.pageOf, e.DNSBL), c.ListLookup})
	}
	if providerHelps(e.Class) {
		for _, page := range pages(c.ProviderHelp) {
			if url, note := pageURL(page); url != "" {
				what := fmt.Sprintf(w.helpOf, c.ProviderName)
				if note != "" {
					what += " " + note
				}
				links = append(links, Link{what, url})
			}
		}
	}
	return links
}

// pages cuts a provider's pages at commas outside of brackets.
func pages(help string) (list []string) {
	depth, from := 0, 0
	for i := range len(help) {
		switch help[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				list, from = append(list, strings.TrimSpace(help[from:i])), i+1
			}
		}
	}
	return append(list, strings.TrimSpace(help[from:]))
}

// pageURL makes a URL of "page.example/path (what for)" or of a mail address;
// what is neither gives none.
func pageURL(page string) (url, note string) {
	page, note, _ = strings.Cut(page, " ")
	if note != "" && !strings.HasPrefix(note, "(") {
		return "", ""
	}
	switch {
	case strings.Contains(page, "@"):
		return "mailto:" + page, note
	case strings.Contains(page, "."):
		return "https://" + page, note
	}
	return "", ""
}

// providerHelps tells whether the provider's pages help with the class: for a
// wrong address they do not.
func providerHelps(class bouncehouse.Class) bool {
	return !slices.Contains([]bouncehouse.Class{bouncehouse.ClassDelivered, bouncehouse.NoSuchUser,
		bouncehouse.MailboxDisabled, bouncehouse.MailboxFull,
		bouncehouse.RecipientMoved, bouncehouse.NoSuchDomain, bouncehouse.DNSFailure, bouncehouse.ConnectionFailed,
		bouncehouse.Routing, bouncehouse.ClassAutoReply}, class)
}

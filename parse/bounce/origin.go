package bounce

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// ours is what tells our own servers and messages from others.
type ours struct {
	hosts   []string // lower case, without final dot
	domains []string
	egress  []netip.Addr
	keys    [][]byte // of BATV
}

func newOurs(o Options) ours {
	return ours{lowerNames(o.Hosts), lowerNames(o.Domains), o.Egress, o.BATVKeys}
}

func lowerNames(names []string) []string {
	var out []string
	for _, n := range names {
		if n = strings.ToLower(values.HostName(n)); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// judge tells who made the report that came that way, and the queue id that the
// message had at our server.
//
// local: its way proves that one of our servers made it. Its log tells of the
// failure too.
//
// unknown: the Reporting-MTA, or where there is none the report's From, is one
// of ours, and nothing proves it: the one thing that every forger can write.
//
// backscatter: the returned message shows no sign of ours.
//
// remote: all others; also where nothing is known of our names beyond the
// machine's, or the message was not returned: there is no guessing.
//
// cited are the other queue ids that the message had on its way. Of mail that
// was forwarded only a queue id and the sender prove that it was ours, and the
// name that our server writes there may be another than any that we know.
func (o ours) judge(r *bouncehouse.Record, rep *report,
	w way) (origin bouncehouse.DSNOrigin, queueID string, cited []string) {
	origin, queueID = o.judgeWay(r, rep, w)
	if !isWord(queueID) {
		queueID = "" // several in one would be as many guesses
	}
	if w.local {
		return origin, queueID, nil
	}
	// Our servers were the first ones, and wrote the lowest fields.
	for i := len(rep.original) - 1; i >= 0 && len(cited) < maxCited; i-- {
		if !rep.original[i].is("Received") {
			continue
		}
		if _, _, id := readReceived(rep.original[i].raw); id != queueID && citable(id) && !contains(cited, id) {
			cited = append(cited, strings.Clone(id))
		}
	}
	return origin, queueID, cited
}

// maxCited is how many queue ids a mail can cite: as many guesses a stranger
// has at those of our servers. Mail seldom has so many hops of one's own.
const maxCited = 8

// citable tells whether an id is one that nobody guesses: Postfix, Exim, Sendmail,
// OpenSMTPD and others make them of a time or at random, eight characters or
// more. Digits alone may be a number that counts, as Exchange's.
func citable(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	return len(id) >= 8 && len(id) <= 64 && strings.ContainsAny(id, letters) &&
		strings.Trim(id, letters+"0123456789-._") == ""
}

// isWord tells whether s is printable ASCII without a blank.
func isWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func (o ours) judgeWay(r *bouncehouse.Record, rep *report, w way) (bouncehouse.DSNOrigin, string) {
	own := strings.ToLower(r.Host)
	ourHost := func(name string) bool {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		return name != "" && (name == own || contains(o.hosts, name) ||
			// A short machine name is ours only within our domains.
			own != "" && !strings.Contains(own, ".") && strings.HasPrefix(name, own+".") &&
				contains(o.domains, name[len(own)+1:]))
	}
	claimed := ourHost(rep.mta) ||
		rep.mta == "" && ourHost(values.Domain(values.OneAddress(rep.mail.header.get("From"))))
	local := w.local || claimed
	passed, queueID := false, ""
	received := 0
	for i := range rep.original {
		if !rep.original[i].is("Received") {
			continue
		}
		received++
		from, by, id := readReceived(rep.original[i].raw)
		if ourHost(by) || len(o.hosts) == 0 && o.ourDomain(by) || local && strings.EqualFold(by, rep.mta) {
			passed = true
			queueID = firstOf(queueID, id)
		}
		passed = passed || ourHost(from) || len(o.hosts) == 0 && o.ourDomain(from)
	}
	switch {
	case w.local:
		return bouncehouse.DSNLocal, firstOf(rep.queueID, queueID)
	case claimed:
		return bouncehouse.DSNUnknown, firstOf(rep.queueID, queueID)
	}
	queueID = firstOf(queueID, rep.queueID)
	switch {
	case len(o.hosts) == 0 && len(o.domains) == 0, len(rep.original) == 0, passed:
		return bouncehouse.DSNRemote, queueID
	case o.ourDomain(values.Domain(values.Angled(rep.original.get("Message-ID")))):
		return bouncehouse.DSNRemote, queueID
	}
	// Backscatter is the return of what others sent under our names: a
	// sender's domain proves nothing where the way of the message is shown
	// and does not lead over our servers.
	if received == 0 || len(o.hosts) == 0 {
		for _, a := range []string{rep.sender, values.Angled(rep.original.get("Return-Path")),
			values.OneAddress(rep.original.get("From"))} {
			if o.ourDomain(values.Domain(a)) {
				return bouncehouse.DSNRemote, queueID
			}
		}
	}
	return bouncehouse.DSNBackscatter, "" // the queue id is a stranger's
}

// ourDomain tells whether name is one of our domains or hosts, lies in one
// of our domains, or is the parent domain of one of our hosts.
func (o ours) ourDomain(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !strings.Contains(name, ".") {
		return false
	}
	for _, d := range o.domains {
		if name == d || strings.HasSuffix(name, "."+d) {
			return true
		}
	}
	for _, h := range o.hosts {
		if name == h || strings.HasSuffix(h, "."+name) {
			return true
		}
	}
	return false
}

// readReceived reads who handed a message to whom, and its queue id there,
// from the value of a Received field, folds and all: there are many of them,
// and long ones.
func readReceived(value string) (from, by, id string) {
	previous := ""
	for n := 0; id == ""; n++ {
		value = strings.TrimLeft(value, " \t\r\n")
		end := strings.IndexAny(value, " \t\r\n")
		if end < 0 {
			end = len(value)
		}
		word := value[:end]
		value = value[end:]
		switch {
		case word == "":
			return from, by, id
		case n == 1 && strings.EqualFold(previous, "from"):
			from = values.HostName(word)
		case by == "" && strings.EqualFold(previous, "by"):
			by = values.HostName(word)
		case by != "" && strings.EqualFold(previous, "id"):
			id = strings.Trim(word, "<>;()")
		}
		previous = word
	}
	return from, by, id
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

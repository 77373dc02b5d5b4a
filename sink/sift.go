package sink

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// maxList bounds the elements of a list in an event.
const maxList = 1000

// The range of times that is stored: DateTime64 has more, but the hour in the
// sorting key and the five minutes in the projection are DateTime, which begins
// again at its end. A row there would not be found again by a recovery.
var (
	firstTime = time.Unix(0, 0)
	endOfTime = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)
)

// sift returns the events that can be stored as they are, and a dead letter for
// each of the others: one bad value must not hold up a whole batch for ever.
func sift(b bouncehouse.Batch, events []bouncehouse.Event) ([]*bouncehouse.Event, []*bouncehouse.DeadLetter) {
	known := declared()
	good := make([]*bouncehouse.Event, 0, len(events))
	var dead []*bouncehouse.DeadLetter
	for i := range events {
		e := &events[i]
		if err := known.check(e); err != nil {
			dead = append(dead, burial(b, e, err))
			continue
		}
		good = append(good, e)
	}
	return good, dead
}

// burial makes a dead letter of an event, the same one each time.
func burial(b bouncehouse.Batch, e *bouncehouse.Event, reason error) *bouncehouse.DeadLetter {
	raw, err := json.Marshal(e)
	if err != nil { // a year that JSON has no form for
		raw = fmt.Appendf(nil, "%+v", *e)
	}
	d := &bouncehouse.DeadLetter{
		Origin: e.Origin, Time: e.Time, Host: bouncehouse.Clean(e.Host, bouncehouse.MaxField), File: e.File,
		Reason: bouncehouse.Clean("event cannot be stored: "+reason.Error(), bouncehouse.MaxText),
		Raw:    bouncehouse.Clean(string(raw), bouncehouse.MaxRaw),
	}
	for i := range b.Chunks {
		if b.Chunks[i].Stream == e.Stream {
			d.Time = b.Chunks[i].Ref
		}
	}
	return d
}

// storable is t, or the nearest time that can be stored.
func storable(t time.Time) time.Time {
	switch {
	case t.Before(firstTime):
		return firstTime
	case !t.Before(endOfTime):
		return endOfTime.Add(-time.Millisecond)
	}
	return t
}

// arrivals leaves out those without a queue id, which nothing could find again.
func arrivals(as []bouncehouse.Arrival) []*bouncehouse.Arrival {
	ps := make([]*bouncehouse.Arrival, 0, len(as))
	for i := range as {
		if a := &as[i]; a.QueueID != "" && storable(a.Time).Equal(a.Time) {
			ps = append(ps, a)
		}
	}
	return ps
}

// enums are the declared values of each closed list.
type enums struct {
	stages     map[bouncehouse.Stage]bool
	outcomes   map[bouncehouse.Outcome]bool
	systems    map[bouncehouse.System]bool
	classes    map[bouncehouse.Class]bool
	rdns       map[bouncehouse.RDNSStatus]bool
	dsnOrigins map[bouncehouse.DSNOrigin]bool
}

// declared is made for each batch: 90 map entries, against thousands of events.
func declared() enums {
	return enums{
		stages:     set(append(bouncehouse.Stages(), "")),
		outcomes:   set(bouncehouse.Outcomes()),
		systems:    set(bouncehouse.Systems()),
		classes:    set(bouncehouse.Classes()),
		rdns:       set(append(bouncehouse.RDNSStatuses(), "")),
		dsnOrigins: set(append(bouncehouse.DSNOrigins(), "")),
	}
}

func set[T comparable](values []T) map[T]bool {
	m := make(map[T]bool, len(values))
	for _, v := range values {
		m[v] = true
	}
	return m
}

func (n *enums) check(e *bouncehouse.Event) error {
	switch {
	case !storable(e.Time).Equal(e.Time):
		return fmt.Errorf("time %s is none that can be stored", e.Time.UTC().Format(time.RFC3339))
	case e.Stream == "" || e.FileID == "" || e.Offset < 0:
		return fmt.Errorf("origin %q %q %d", e.Stream, e.FileID, e.Offset)
	case e.Direction != bouncehouse.Outbound && e.Direction != bouncehouse.Inbound:
		return fmt.Errorf("direction %q", e.Direction)
	case !n.outcomes[e.Outcome]:
		return fmt.Errorf("outcome %q", e.Outcome)
	case !n.systems[e.Source]:
		return fmt.Errorf("source %q", e.Source)
	case !n.classes[e.Class]:
		return fmt.Errorf("class %q", e.Class)
	case !n.stages[e.Stage]:
		return fmt.Errorf("stage %q", e.Stage)
	case !n.rdns[e.RDNSStatus]:
		return fmt.Errorf("rdns_status %q", e.RDNSStatus)
	case !n.dsnOrigins[e.DSNOrigin]:
		return fmt.Errorf("dsn_origin %q", e.DSNOrigin)
	case e.Delay.Known && e.Delay.Duration < 0:
		return fmt.Errorf("delay %s", e.Delay.Duration)
	case len(e.ReplyText) > bouncehouse.MaxText || len(e.Template) > bouncehouse.MaxText ||
		len(e.Stream) > bouncehouse.MaxText:
		return fmt.Errorf("reply_text, template or stream above %d bytes", bouncehouse.MaxText)
	}
	for _, s := range [...]string{e.FileID, e.Host, e.QueueID, e.MessageID, e.Sender, e.Recipient, e.OriginalRecipient,
		e.SASLUser, e.Client,
		e.RemoteHost, e.EnhancedCode, e.Rule, string(e.Provider), e.ProviderSide, e.ProviderCode, e.DNSBL, e.TLS,
		e.RDNS, e.FeedbackType, e.RulesVersion} {
		if len(s) > bouncehouse.MaxField {
			return fmt.Errorf("a field of %d bytes", len(s))
		}
	}
	for _, l := range [...][]string{e.URLs, e.DNSBLListed, e.CitedQueueIDs} {
		if len(l) > maxList || slices.ContainsFunc(l, func(s string) bool { return len(s) > bouncehouse.MaxField }) {
			return fmt.Errorf("a list of %d elements, or a long one in it", len(l))
		}
	}
	return nil
}

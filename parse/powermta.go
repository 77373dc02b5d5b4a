package parse

import (
	"errors"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// PowerMTA 3 to 6 writes accounting files (User's Guide, chapter 12): CSV of
// RFC 4180, whose header names the columns. Which there are and in what order
// the configuration says; type is the first. By default:
//
//	type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,dlvSourceIp,...
//	d,2026-09-21 12:00:07+0000,2026-09-21 11:59:00+0000,a@b,c@d,,relayed,2.0.0 (success),smtp;250 2.0.0 OK,mx (203.0.113.9),,smtp,app (10.0.0.4),smtp,192.0.2.1,...
//	b,1178807903,1178807900,a@b,c@d,,failed,5.1.1 (bad destination mailbox address),"smtp;550 5.1.1 ""c"", no",mx (203.0.113.9),bad-mailbox,...
//	t,...,delayed,4.4.1 (no answer from host),,mx (203.0.113.9),no-answer-from-host,...
//
// The types: d delivered, b bounced, t transient, rb a bounce mail that came
// back, rs any other report that came back, f a complaint; r received and tq
// the state of a queue are no attempts. dsnStatus is PowerMTA's, with its
// words in brackets; dsnDiag is the reply; bounceCat is PowerMTA's guess.
type powerMTA struct {
	clock  clock
	fileID string
	head   string
	cols   []pmtaColumn // nil: no header was seen
	held   []byte       // a row that a line break in quotes cut
	parts  int          // of held
}

// pmtaColumn is what a column holds.
type pmtaColumn uint8

const (
	pmtaOther pmtaColumn = iota
	pmtaType
	pmtaLogged
	pmtaQueued
	pmtaSeconds
	pmtaOrig
	pmtaRcpt
	pmtaOrcpt
	pmtaAction
	pmtaStatus
	pmtaDiag
	pmtaMTA
	pmtaCategory
	pmtaSource
	pmtaDelivery
	pmtaLocalIP
	pmtaRemoteIP
	pmtaTLS
	pmtaFeedback
	pmtaReporter
	pmtaMessageID
	pmtaColumns
)

// pmtaRow is the fields of one row.
type pmtaRow [pmtaColumns]string

// pmtaDefault is the order of the columns where nothing else is configured.
var pmtaDefault = []pmtaColumn{pmtaType, pmtaLogged, pmtaQueued, pmtaOrig, pmtaRcpt, pmtaOrcpt, pmtaAction, pmtaStatus,
	pmtaDiag, pmtaMTA,
	pmtaCategory, pmtaOther, pmtaSource, pmtaDelivery, pmtaLocalIP, pmtaRemoteIP}

func newPowerMTA(Options) bouncehouse.Parser { return &powerMTA{} }

// sniffPowerMTA knows the header, and a row in the default order.
func sniffPowerMTA(head string) bool {
	head = strings.TrimPrefix(head, bom)
	if head == "" {
		return false
	}
	switch head[0] {
	case 'd', 'b', 't', 'f', 'r', '"':
	default:
		return false
	}
	line, _, _ := strings.Cut(head, "\n")
	return isPMTAHeader(line) || isPMTARow(line)
}

func isPMTAHeader(s string) bool {
	if len(s) < 30 || !strings.HasPrefix(s, "type,") && !strings.HasPrefix(s, `"type",`) {
		return false
	}
	return (strings.Contains(s, "timeLogged") || strings.Contains(s, "timeQueued")) &&
		(strings.Contains(s, "rcpt") || strings.Contains(s, "orig") || strings.Contains(s, "dsnStatus"))
}

// isPMTARow tells by its values that a row without a header is in the
// default order.
func isPMTARow(s string) bool {
	if !beginsPMTARow(s) {
		return false
	}
	var row pmtaRow
	n := row.split(s, pmtaDefault)
	if n < 11 || !pmtaTyped(row[pmtaType]) || strings.IndexByte(row[pmtaRcpt], '@') < 1 ||
		bouncehouse.EnhancedLen(row[pmtaStatus]) == 0 {
		return false
	}
	switch row[pmtaAction] {
	case "relayed", "delivered", "expanded", "failed", "delayed":
	default:
		return false
	}
	_, ok := pmtaStamp(row[pmtaLogged])
	return ok
}

// pmtaTyped tells that a row of that type is an event.
func pmtaTyped(s string) bool {
	switch s {
	case "d", "b", "t", "f", "rb", "rs", "delivery", "bounce", "transient", "feedback", "remote-bounce",
		"remote-status":
		return true
	}
	return false
}

// beginsPMTARow tells cheaply that a row may begin here.
func beginsPMTARow(s string) bool {
	n := beginsTyped(s)
	return n > 0 && n < len(s) && (s[n]-'0' <= 9 || s[n] == '"' || s[n] == ',')
}

// beginsTyped is where the second field begins, 0 where the first is no type.
func beginsTyped(s string) int {
	comma := strings.IndexByte(s[:min(len(s), 24)], ',')
	if comma < 1 {
		return 0
	}
	switch name := strings.Trim(s[:comma], `"`); name {
	case "r", "tq", "receipt", "transient-queue":
	default:
		if !pmtaTyped(name) {
			return 0
		}
	}
	return comma + 1
}

// pmtaColumnsOf reads a header.
func pmtaColumnsOf(header string) []pmtaColumn {
	header, _, _ = strings.Cut(strings.TrimPrefix(header, bom), "\n")
	header = strings.TrimRight(header, "\r")
	if !isPMTAHeader(header) {
		return nil
	}
	var cols []pmtaColumn
	for name := range strings.SplitSeq(header, ",") {
		col := pmtaOther
		switch strings.ToLower(strings.Trim(name, `" `)) {
		case "type":
			col = pmtaType
		case "timelogged":
			col = pmtaLogged
		case "timequeued":
			col = pmtaQueued
		case "totalsecondsqueued":
			col = pmtaSeconds
		case "orig", "originalmailfrom":
			col = pmtaOrig
		case "rcpt", "originalrcptto":
			col = pmtaRcpt
		case "orcpt":
			col = pmtaOrcpt
		case "dsnaction":
			col = pmtaAction
		case "dsnstatus":
			col = pmtaStatus
		case "dsndiag":
			col = pmtaDiag
		case "dsnmta":
			col = pmtaMTA
		case "bouncecat":
			col = pmtaCategory
		case "srcmta":
			col = pmtaSource
		case "dlvtype":
			col = pmtaDelivery
		case "dlvsourceip":
			col = pmtaLocalIP
		case "dlvdestinationip":
			col = pmtaRemoteIP
		case "dlvtlsprotocol":
			col = pmtaTLS
		case "feedbacktype":
			col = pmtaFeedback
		case "reportingmta", "dsnreportingmta":
			col = pmtaReporter
		case "header_message-id":
			col = pmtaMessageID
		}
		cols = append(cols, col)
	}
	return cols
}

// split cuts a row into its fields; n is how many there are. A column that
// stands twice keeps its first value that is not empty.
func (row *pmtaRow) split(s string, cols []pmtaColumn) (n int) {
	for more := true; more; n++ {
		var field string
		var doubled bool
		if field, s, doubled, more = cutCSV(s); doubled {
			field = strings.ReplaceAll(field, `""`, `"`)
		}
		row.set(n, field, cols)
	}
	return n
}

func (row *pmtaRow) set(n int, field string, cols []pmtaColumn) {
	if n < len(cols) && cols[n] != pmtaOther && row[cols[n]] == "" {
		row[cols[n]] = field
	}
}

// Bounds of a row that is cut by line breaks.
const (
	maxPMTAParts = 64
	maxPMTARow   = 32 << 10
)

var errPMTACut = errors.New("row of PowerMTA is cut off: no recipient")

func (p *powerMTA) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	if p.fileID != r.FileID {
		p.fileID, p.held, p.head, p.cols = strings.Clone(r.FileID), nil, "", nil
	}
	if p.head != r.Head { // which may stand amid the file
		p.head = strings.Clone(r.Head)
		p.cols = pmtaColumnsOf(r.Head)
	}
	text := strings.TrimPrefix(r.Text, bom)
	if p.held != nil {
		if beginsTyped(text) == 0 && p.parts < maxPMTAParts && len(p.held)+len(text) < maxPMTARow {
			p.held = append(append(p.held, ' '), text...)
			p.parts++
			if strings.Count(text, `"`)%2 == 0 {
				return nil
			}
			text, p.held = string(p.held), nil
			return p.row(r, text, res)
		}
		// Its end is lost: what there is of it is read.
		held := string(p.held)
		p.held = nil
		if err := p.row(r, held, res); err != nil {
			return err
		}
	}
	if isPMTAHeader(text) {
		p.cols = pmtaColumnsOf(text)
		return nil
	}
	if beginsTyped(text) == 0 || p.cols == nil && !beginsPMTARow(text) {
		return nil
	}
	if strings.IndexByte(text, '"') >= 0 && strings.Count(text, `"`)%2 != 0 && len(text) < maxPMTARow {
		p.held, p.parts = []byte(text), 1
		return nil
	}
	return p.row(r, text, res)
}

// row makes the event of a row.
func (p *powerMTA) row(r bouncehouse.Record, s string, res *bouncehouse.Result) error {
	cols := p.cols
	if cols == nil {
		if !isPMTARow(s) {
			return nil
		}
		cols = pmtaDefault
	}
	var row pmtaRow
	row.split(s, cols)
	if !pmtaTyped(row[pmtaType]) {
		return nil
	}
	if row[pmtaRcpt] == "" && row[pmtaType] != "f" && row[pmtaType] != "feedback" {
		return errPMTACut
	}
	logged, ok := pmtaStamp(row[pmtaLogged])
	queued, ok2 := pmtaStamp(row[pmtaQueued])
	if !ok {
		logged = queued
	}
	at, err := p.clock.time(&r, &logged)
	if err != nil {
		return err
	}
	ev := newEvent(res, bouncehouse.PowerMTA)
	ev.Time, ev.Host, ev.ContextKnown, ev.Direction = at, r.Host, true, bouncehouse.Outbound
	ev.Sender, ev.Recipient = values.Bare(row[pmtaOrig]), values.Bare(row[pmtaRcpt])
	ev.MessageID = values.MessageID(row[pmtaMessageID])
	if _, orcpt, ok := strings.Cut(row[pmtaOrcpt], ";"); ok && orcpt != ev.Recipient {
		ev.OriginalRecipient = orcpt
	}
	if ok && ok2 {
		if from, err := p.clock.time(&r, &queued); err == nil && !at.Before(from) {
			ev.Delay = bouncehouse.Delay{Duration: at.Sub(from), Known: true}
		}
	}
	if !ev.Delay.Known {
		ev.Delay = values.Delay(row[pmtaSeconds])
	}
	row.outcome(ev)
	row.remote(ev)
	row.reply(ev)
	return nil
}

// pmtaStamp reads "2026-09-21 12:00:07+0000" or seconds since 1970.
func pmtaStamp(s string) (st stamp, ok bool) {
	if len(s) >= 9 {
		if at, ok := unixTime(s, ""); ok {
			return stamp{kind: stampKnown, known: at}, true
		}
	}
	st, rest, ok := cutStamp(s)
	if !ok || st.kind != stampISO {
		return stamp{}, false
	}
	if rest = strings.TrimPrefix(rest, " "); st.zone == "" && rest != "" {
		st.zone, rest = cutZone(rest)
	}
	return st, rest == ""
}

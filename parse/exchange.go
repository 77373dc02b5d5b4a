package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Microsoft Exchange 2007 to 2019: message tracking logs and SMTP protocol
// logs. Both are CSV in UTC with a header of lines that begin with "#"
// (learn.microsoft.com: "Message tracking", "Protocol logging"):
//
//	#Software: Microsoft Exchange Server
//	#Version: 15.01.2507.006
//	#Log-type: Message Tracking Log                 or SMTP Send Protocol Log, SMTP Receive Protocol Log
//	#Date: 2024-03-05T10:00:00.000Z
//	#Fields: date-time,client-ip,client-hostname,server-ip,...
//
// A field with a comma, a quote or a line break is quoted, quotes doubled. The
// columns of the tracking log differ by version and are found by name; a
// further #Fields line may come at any place. The header stands in each
// record's Head, too. The rows: exchange_tracking.go, exchange_protocol.go.
type exchangeLog struct {
	clock    clock
	file     string // whose columns these are
	head     string
	columns  exchangeColumns
	log      bouncehouse.Direction // of a protocol log, as its header says: Send, Receive
	sessions recent[dialogue]
}

func newExchange(Options) bouncehouse.Parser { return &exchangeLog{} }

type exchangeKind uint8

const (
	exchangeUnknown exchangeKind = iota // no header was seen
	exchangeTracking
	exchangeProtocol
	exchangeOther // a log of Exchange that tells of no results
)

// exchangeColumns is where a row has what; 0 is the date, or nothing.
type exchangeColumns struct {
	kind exchangeKind

	clientIP, serverIP, serverHost, context, connector, source, event, internalID uint8
	messageID, rcpt, status, sender, returnPath, info                             uint8

	session, sequence, local, remote, data uint8 // of protocol logs, with event and context
}

const (
	fieldsMark  = "#Fields:"
	logTypeMark = "#Log-type:"
)

// sniffExchange knows a header by its lines, and a row without one by its
// shape.
func sniffExchange(head string) bool {
	head = strings.TrimPrefix(head, bom)
	if head == "" {
		return false
	}
	if c := head[0]; c != '#' && c != 'd' {
		if c < '0' || c > '9' {
			return false
		}
		line, _ := values.CutLine(head, 0)
		if !exchangeStamped(line) {
			return false
		}
		var row csvRow
		row.split(line)
		return guessColumns(&row).kind != exchangeUnknown
	}
	for line := range strings.Lines(head) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#Software: Microsoft Exchange") || exchangeLogType(line) != exchangeUnknown {
			return true
		}
		if kind := readColumns(line).kind; kind == exchangeTracking || kind == exchangeProtocol {
			return true
		}
		if line == "" || line[0] != '#' {
			break
		}
	}
	return false
}

// exchangeStamped tells whether line begins with "2024-03-05T10:15:44.120Z,".
func exchangeStamped(s string) bool {
	if len(s) < 40 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' {
		return false
	}
	n := strings.IndexByte(s[:40], ',')
	return n > 19 && s[n-1] == 'Z'
}

// exchangeLogType reads the "#Log-type:" line.
func exchangeLogType(line string) exchangeKind {
	name, ok := strings.CutPrefix(line, logTypeMark)
	if !ok {
		return exchangeUnknown
	}
	switch name = strings.TrimSpace(name); {
	case strings.EqualFold(name, "Message Tracking Log"):
		return exchangeTracking
	case strings.EqualFold(name, "SMTP Send Protocol Log"), strings.EqualFold(name, "SMTP Receive Protocol Log"):
		return exchangeProtocol
	}
	return exchangeUnknown
}

// readColumns reads "#Fields: date-time,...", also without its mark: some
// tools that gather logs take it off.
func readColumns(line string) (c exchangeColumns) {
	names, ok := strings.CutPrefix(line, fieldsMark)
	names = strings.TrimLeft(names, " ")
	if !ok && !strings.HasPrefix(names, "date-time,") {
		return c
	}
	i, dated := uint8(0), false
	for name := range strings.SplitSeq(names, ",") {
		switch strings.ToLower(strings.Trim(name, ` "`)) {
		case "date-time", "datetime":
			dated = i == 0
		case "client-ip":
			c.clientIP = i
		case "server-ip":
			c.serverIP = i
		case "server-hostname":
			c.serverHost = i
		case "source-context", "context":
			c.context = i
		case "connector-id":
			c.connector = i
		case "source":
			c.source = i
		case "event-id", "event":
			c.event = i
		case "internal-message-id":
			c.internalID = i
		case "message-id":
			c.messageID = i
		case "recipient-address":
			c.rcpt = i
		case "recipient-status":
			c.status = i
		case "sender-address":
			c.sender = i
		case "return-path":
			c.returnPath = i
		case "message-info":
			c.info = i
		case "session-id":
			c.session = i
		case "sequence-number":
			c.sequence = i
		case "local-endpoint":
			c.local = i
		case "remote-endpoint":
			c.remote = i
		case "data":
			c.data = i
		}
		if i++; i >= maxColumns {
			break
		}
	}
	switch {
	case !dated:
		c = exchangeColumns{}
		if ok {
			c.kind = exchangeOther
		}
	case c.source != 0 && c.event != 0 && c.rcpt != 0:
		c.kind = exchangeTracking
	case c.session != 0 && c.remote != 0 && c.event != 0 && c.data != 0:
		c.kind = exchangeProtocol
	default:
		c.kind = exchangeOther
	}
	return c
}

// The columns that every version of the protocol log has, and those of the
// tracking log: 21 in 2007, 26 in 2010; since 2013, with network-message-id
// before the recipients, 27 to 30 and more.
var (
	protocolColumns = readColumns("#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context")
	tracking2007    = readColumns("#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id," +
		"message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info")
	tracking2013 = readColumns("#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id," +
		"message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info")
)

// guessColumns tells by its shape what a row is whose header is lost. It asks
// much: auto shows it lines of any system.
func guessColumns(row *csvRow) exchangeColumns {
	if row.n == 9 && values.Digits(row.value(3)) {
		if e := row.value(6); len(e) == 1 && strings.IndexByte("+-<>*", e[0]) >= 0 {
			return protocolColumns
		}
		return exchangeColumns{}
	}
	if row.n < 21 || !capitals(row.value(7)) || !capitals(row.value(8)) {
		return exchangeColumns{}
	}
	switch {
	case row.n == 21 || row.n == 26:
		return tracking2007
	case row.n >= 27:
		return tracking2013
	}
	return exchangeColumns{}
}

// capitals tells names as of sources and events: STOREDRIVER, DELIVER.
func capitals(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return len(s) > 1
}

func (p *exchangeLog) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	if p.head != r.Head || p.file != r.FileID {
		p.file, p.head = strings.Clone(r.FileID), strings.Clone(r.Head)
		p.columns, p.log = exchangeColumns{}, ""
		for line := range strings.Lines(p.head) {
			p.header(strings.TrimRight(line, "\r\n"))
		}
	}
	s := strings.TrimPrefix(r.Text, bom)
	if s == "" {
		return nil
	}
	if s[0] == '#' || strings.HasPrefix(s, "date-time,") {
		p.header(s)
		return nil
	}
	if p.columns.kind == exchangeOther || !exchangeStamped(s) {
		return nil // the rest of a row with line breaks
	}
	var row csvRow
	row.split(s)
	columns := &p.columns
	if columns.kind == exchangeUnknown {
		guess := guessColumns(&row)
		columns = &guess
	}
	switch columns.kind {
	case exchangeTracking:
		return p.tracked(&r, columns, &row, res)
	case exchangeProtocol:
		return p.spoken(&r, columns, &row, res)
	}
	res.Unread++
	return nil
}

// header takes a line of the header, at the file's beginning or within.
func (p *exchangeLog) header(line string) {
	line = strings.TrimPrefix(line, bom)
	if strings.HasPrefix(line, logTypeMark) {
		p.log = ""
		if exchangeLogType(line) == exchangeProtocol {
			p.log = bouncehouse.Outbound
			if strings.Contains(line, "Receive") {
				p.log = bouncehouse.Inbound
			}
		}
		return
	}
	if c := readColumns(line); c.kind != exchangeUnknown {
		p.columns = c
	}
}

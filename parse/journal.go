package parse

import (
	"slices"
	"strconv"
	"strings"
)

// Whom a record of the journal is believed. SYSLOG_IDENTIFIER, SYSLOG_PID and
// MESSAGE are what the writing process says of itself: any user may log as
// postfix/smtp. Fields with a leading underscore journald adds itself
// (systemd.journal-fields(7), "Trusted Journal Fields"):
//
//	_UID=101                                  the account; always there
//	_SYSTEMD_UNIT=postfix@-.service           not of a process that is gone by then
//	_EXE=/usr/lib/postfix/sbin/smtp           likewise
//	_COMM=smtp                                likewise; a process may set it at will
//	_TRANSPORT=syslog                         syslog, stdout, journal; audit, driver, kernel
//
// A record that was stripped of its account (--output-fields) is believed, as a
// line of a file is, unless one of the others that it has says otherwise.

// Journal says of whom records of the journal are believed.
type Journal struct {
	// UIDs are the accounts that write for mail systems, beside root. Where it
	// is empty they are those of the system (below 1000, or of DynamicUser=),
	// in a unit or with a program of a mail system.
	UIDs []int `yaml:"uids"`
	// Units are mail systems' beside those that are known: "relay.service".
	Units []string `yaml:"units"`
}

// journalSource is who wrote a record, as journald says.
type journalSource struct {
	uid, unit, exe, comm, transport string // uid is empty where the record was stripped
}

// field is the place of a trusted field, nil of another.
func (s *journalSource) field(name string) *string {
	switch name {
	case "_UID":
		return &s.uid
	case "_SYSTEMD_UNIT":
		return &s.unit
	case "_EXE":
		return &s.exe
	case "_COMM":
		return &s.comm
	case "_TRANSPORT":
		return &s.transport
	}
	return nil
}

// mailUnits are the units of mail systems, without their instances
// (postfix@-.service).
var mailUnits = []string{"postfix", "exim", "exim4", "opensmtpd", "smtpd", "sendmail", "sm-client", "qmail",
	"qmail-send", "qmail-smtpd", "notqmail",
	"courier", "courier-mta", "courier-msa", "haraka", "zone-mta", "zonemta", "kumomta", "kumod", "pmta", "powermta"}

// mailPrograms begin the paths of mail systems' daemons. postlog and the
// sendmail command are not among them: any user runs those.
var mailPrograms = []string{"/usr/lib/postfix/", "/usr/libexec/postfix/", "/usr/sbin/exim", "/usr/exim/bin/exim",
	"/usr/sbin/smtpd", "/usr/libexec/opensmtpd/", "/usr/libexec/sendmail/",
	"/usr/libexec/sm-mta/", "/usr/lib/sm.bin/sendmail", "/var/qmail/bin/", "/usr/lib/courier/", "/usr/libexec/courier/",
	"/usr/sbin/courier", "/opt/kumomta/", "/usr/sbin/pmta"}

// Accounts of the system (login.defs, systemd: "Users, Groups, UIDs and GIDs").
const (
	minUserUID    = 1000
	minDynamicUID = 61184
	maxDynamicUID = 65519
)

// mailCommands are the names that processes of mail systems have, of Postfix in
// mailDaemons. A splogger writes for qmail, node is Haraka or ZoneMTA.
var (
	mailCommands = []string{"exim", "sendmail", "sm-mta", "smtpd", "smtpctl", "opensmtpd", "qmail-", "splogger",
		"courier", "node", "haraka", "zone-mta", "kumod", "pmta"}
	mailDaemons = []string{"anvil", "bounce", "cleanup", "discard", "dnsblog", "error", "flush", "lmtp", "local",
		"master", "nqmgr", "oqmgr", "pickup", "pipe", "postlogd", "postscreen",
		"proxymap", "qmgr", "qmqpd", "scache", "showq", "smtp", "smtpd", "spawn", "tlsmgr", "tlsproxy",
		"trivial-rewrite", "verify", "virtual"}
)

// believe tells whether a record is believed.
func (j *Journal) believe(s *journalSource) bool {
	if s.uid == "" {
		return j.unopposed(s)
	}
	id, err := strconv.ParseUint(s.uid, 10, 32)
	switch uid := int(id); {
	case err != nil:
		return false
	case uid == 0 || slices.Contains(j.UIDs, uid):
		return true
	case len(j.UIDs) > 0, uid >= minUserUID && (uid < minDynamicUID || uid > maxDynamicUID):
		return false
	}
	// Started by hand, a mail system is in a session's scope. Under another
	// service's unit its program proves nothing: whoever runs as that service
	// can execute it, or have one of that path in a namespace of his own. A
	// process that is gone has neither.
	return j.mailUnit(s.unit) || mailProgram(s.exe) && !strings.HasSuffix(s.unit, ".service") ||
		s.unit == "" && s.exe == ""
}

// unopposed tells whether nothing that is known of a record without its account
// speaks against a mail system: then no unit makes up for a program, nor the
// other way about.
func (j *Journal) unopposed(s *journalSource) bool {
	return (s.unit == "" || j.mailUnit(s.unit)) && (s.exe == "" || mailProgram(s.exe)) &&
		(s.comm == "" || slices.Contains(mailDaemons, s.comm) || anyBegins(s.comm, mailCommands)) &&
		(s.transport == "" || slices.Contains([]string{"syslog", "stdout", "journal"}, s.transport))
}

func mailProgram(exe string) bool { return anyBegins(exe, mailPrograms) }

func anyBegins(s string, beginnings []string) bool {
	return slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(s, b) })
}

func (j *Journal) mailUnit(unit string) bool {
	if slices.Contains(j.Units, unit) {
		return true
	}
	name, ok := strings.CutSuffix(unit, ".service")
	name, _, _ = strings.Cut(name, "@")
	return ok && slices.Contains(mailUnits, name)
}

// mailIdentifiers begin the names that mail systems give themselves.
var mailIdentifiers = []string{"postfix", "exim", "sendmail", "sm-", "smtpd", "opensmtpd", "qmail", "courier", "haraka",
	"zone-mta", "zonemta"}

// claimsMail tells whether an identifier is a mail system's.
func claimsMail(identifier string) bool {
	return anyBegins(identifier, mailIdentifiers)
}

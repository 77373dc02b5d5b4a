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
//
// _COMM is trusted to be of that process, which may set it at will. An export
// that was stripped of all of them is believed, as a file of lines is.

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
	uid, unit, exe string // uid is empty where the record was stripped
}

// mailUnits are the units of mail systems, without their instances
// (postfix@-.service).
var mailUnits = []string{"postfix", "exim", "exim4", "opensmtpd", "smtpd", "sendmail", "sm-client", "qmail", "qmail-send", "qmail-smtpd", "notqmail",
	"courier", "courier-mta", "courier-msa", "haraka", "zone-mta", "zonemta", "kumomta", "kumod", "pmta", "powermta"}

// mailPrograms begin the paths of mail systems' daemons. postlog and the
// sendmail command are not among them: any user runs those.
var mailPrograms = []string{"/usr/lib/postfix/", "/usr/libexec/postfix/", "/usr/sbin/exim", "/usr/exim/bin/exim", "/usr/sbin/smtpd", "/usr/libexec/opensmtpd/", "/usr/libexec/sendmail/",
	"/usr/libexec/sm-mta/", "/usr/lib/sm.bin/sendmail", "/var/qmail/bin/", "/usr/lib/courier/", "/usr/libexec/courier/", "/usr/sbin/courier", "/opt/kumomta/", "/usr/sbin/pmta"}

// Accounts of the system (login.defs, systemd: "Users, Groups, UIDs and GIDs").
const (
	minUserUID    = 1000
	minDynamicUID = 61184
	maxDynamicUID = 65519
)

// decide tells whether a record is believed; known is false where that hangs
// on what is not known of it yet, and may never be.
func (j *Journal) decide(s journalSource) (believed, known bool) {
	if s.uid == "" {
		return true, false
	}
	uid, err := strconv.Atoi(s.uid)
	switch {
	case err != nil:
		return false, true
	case uid == 0 || slices.Contains(j.UIDs, uid):
		return true, true
	case len(j.UIDs) > 0, uid >= minUserUID && (uid < minDynamicUID || uid > maxDynamicUID):
		return false, true
	case j.mailUnit(s.unit), slices.ContainsFunc(mailPrograms, func(p string) bool { return strings.HasPrefix(s.exe, p) }):
		return true, true
	}
	// A process that is gone has neither.
	return s.unit == "" && s.exe == "", s.unit != "" && s.exe != ""
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
var mailIdentifiers = []string{"postfix", "exim", "sendmail", "sm-", "smtpd", "opensmtpd", "qmail", "courier", "haraka", "zone-mta", "zonemta"}

// claimsMail tells whether an identifier is a mail system's.
func claimsMail(identifier string) bool {
	return slices.ContainsFunc(mailIdentifiers, func(name string) bool { return strings.HasPrefix(identifier, name) })
}

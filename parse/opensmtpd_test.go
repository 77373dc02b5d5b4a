package parse

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

func TestOpenSMTPDGolden(t *testing.T) { testMTAGolden(t, "opensmtpd") }

func TestOpenSMTPDCuts(t *testing.T) { testMTACuts(t, "opensmtpd") }

func TestOpenSMTPDValues(t *testing.T) {
	for file, log := range mtaLogs(t, "opensmtpd") {
		checkMTA(t, parseLog(t, "opensmtpd", file, log), bouncehouse.OpenSMTPD)
	}
}

func TestOpenSMTPDTruncated(t *testing.T) {
	testMTATruncated(t, "opensmtpd", bouncehouse.OpenSMTPD)
}

func TestOpenSMTPDHostileSize(t *testing.T) {
	const n = 1 << 20
	const session = "5ca1ab1e00000001 "
	testMTAHostile(t, "opensmtpd", "Sep  2 16:49:15 mx1 smtpd[41]: ", bouncehouse.OpenSMTPD, map[string]string{
		"results":  session + `smtp failed-command command="RCPT TO:<` + strings.Repeat(`" result="`, n/10),
		"plain":    session + "mda delivery evpid=0011223344556677 from=<> to=<a> user=" + strings.Repeat("a ", n/2),
		"fields":   session + "mta delivery " + strings.Repeat("a=b ", n/4),
		"open":     session + "mta delivery from=<" + strings.Repeat("<a", n/2),
		"quotes":   session + `mta delivery relay="` + strings.Repeat(`a" b`, n/4),
		"glued":    session + `mta delivery evpid=0011223344556677 from=<> to=<a> relay="x" result="PermFail" stat="550-5.7.1 ` + strings.Repeat("a5.7.1 ", n/7),
		"digits":   session + `mta delivery evpid=0011223344556677 from=<> to=<a> relay="x" result="PermFail" stat="550-5.7.1 ` + strings.Repeat("5.7.1", n/5),
		"lines":    session + `mta delivery evpid=0011223344556677 from=<> to=<a> relay="x" result="PermFail" stat="550-` + strings.Repeat("550-5.1.1 a ", n/12),
		"for":      "relay: Ok" + strings.Repeat(" for ", n/5),
		"sessions": "smtp-in: Failed command on session 5ca1ab1e00000001: \"" + strings.Repeat(`" => `, n/5),
	})
}

func TestOpenSMTPDNoAllocation(t *testing.T) {
	testMTAIdle(t, "opensmtpd", "Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 mta server-cert-check result=\"failure\"\n"+
		"Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 mta connected\n"+
		"Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 smtp disconnected reason=quit\n"+
		"Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 mta error reason=Connection closed unexpectedly\n"+
		"Nov 21 18:56:33 mx1 smtpd[126]: smtp-out: Enabling route [] <-> 192.0.2.3 (mx12a1.example.net)\n"+
		"Nov 21 18:56:33 mx1 smtpd[126]: relay: Remove for 4296f490a7b0c1d8: from=<ann@example.org>, to=<gone@example.com>, rcpt=<->, delay=1s, stat=Removed by administrator\n"+
		"Nov 21 18:56:33 mx1 smtpd[126]: info: OpenSMTPD 6.8.0p2 starting\n")
}

func TestSniffOpenSMTPD(t *testing.T) {
	for file, log := range mtaLogs(t, "opensmtpd") {
		if !sniffOpenSMTPD(log) {
			t.Errorf("%s was not known", file)
		}
	}
	for _, head := range []string{
		"", "\n\n", "\x00\x01\x02",
		"Nov  1 18:56:32 mx1 postfix/smtp[340]: 4F2D1A0C3B: to=<a@b.example>, relay=none, delay=0, status=deferred (x)\n",
		"Nov  1 18:56:32 mx1 smtpd[340]: connect from mx.example.org[192.0.2.5]\n",
		"Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: to=<a@b.example>, delay=00:00:01, stat=Sent\n",
	} {
		if sniffOpenSMTPD(head) {
			t.Errorf("%q was taken for OpenSMTPD", head)
		}
	}
}

func FuzzOpenSMTPD(f *testing.F) { fuzzMTA(f, "opensmtpd", bouncehouse.OpenSMTPD) }

func BenchmarkOpenSMTPD(b *testing.B) { benchmarkMTA(b, "opensmtpd") }

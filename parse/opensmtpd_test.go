package parse

import (
	"strings"
	"testing"
)

func TestOpenSMTPDHostileSize(t *testing.T) {
	const session = "5ca1ab1e00000001 "
	hostile(t, "opensmtpd", func(n int) map[string]string {
		return before("Sep  2 16:49:15 mx1 smtpd[41]: ", map[string]string{
			"results": session + `smtp failed-command command="RCPT TO:<` + strings.Repeat(`" result="`, n/10),
			"plain": session + "mda delivery evpid=0011223344556677 from=<> to=<a> user=" +
				strings.Repeat("a ", n/2),
			"fields": session + "mta delivery " + strings.Repeat("a=b ", n/4),
			"open":   session + "mta delivery from=<" + strings.Repeat("<a", n/2),
			"quotes": session + `mta delivery relay="` + strings.Repeat(`a" b`, n/4),
			"glued": session +
				`mta delivery evpid=0011223344556677 from=<> to=<a> relay="x" result="PermFail" stat="550-5.7.1 ` +
				strings.Repeat("a5.7.1 ", n/7),
			"digits": session +
				`mta delivery evpid=0011223344556677 from=<> to=<a> relay="x" result="PermFail" stat="550-5.7.1 ` +
				strings.Repeat("5.7.1", n/5),
			"lines": session +
				`mta delivery evpid=0011223344556677 from=<> to=<a> relay="x" result="PermFail" stat="550-` +
				strings.Repeat("550-5.1.1 a ", n/12),
			"for":      "relay: Ok" + strings.Repeat(" for ", n/5),
			"sessions": "smtp-in: Failed command on session 5ca1ab1e00000001: \"" + strings.Repeat(`" => `, n/5),
		})
	})
}

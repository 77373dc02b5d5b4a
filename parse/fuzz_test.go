package parse

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

func FuzzPostfix(f *testing.F)     { fuzzLog(f, "postfix") }
func FuzzExim(f *testing.F)        { fuzzLog(f, "exim") }
func FuzzSendmail(f *testing.F)    { fuzzLog(f, "sendmail") }
func FuzzOpenSMTPD(f *testing.F)   { fuzzLog(f, "opensmtpd") }
func FuzzQmail(f *testing.F)       { fuzzLog(f, "qmail") }
func FuzzCourier(f *testing.F)     { fuzzLog(f, "courier") }
func FuzzHaraka(f *testing.F)      { fuzzLog(f, "haraka") }
func FuzzZoneMTA(f *testing.F)     { fuzzLog(f, "zonemta") }
func FuzzExchange(f *testing.F)    { fuzzLog(f, "exchange") }
func FuzzHMailServer(f *testing.F) { fuzzLog(f, "hmailserver") }
func FuzzMDaemon(f *testing.F)     { fuzzLog(f, "mdaemon") }
func FuzzPowerMTA(f *testing.F)    { fuzzLog(f, "powermta") }
func FuzzKumoMTA(f *testing.F)     { fuzzLog(f, "kumomta") }

// fuzzLog seeds with pieces of the format's samples, and holds that no log
// breaks the parser and that neither cuts nor a new beginning change what
// comes of it.
func fuzzLog(f *testing.F, format string) {
	for _, s := range samples(f, format) {
		head := bouncehouse.FileHead(s.log)
		piece := head
		for line := range strings.Lines(s.log[len(head):]) {
			if len(piece)+len(line) > 2<<10 && piece != head { // small ones are changed and tried faster
				f.Add(piece)
				piece = head
			}
			piece += line
		}
		f.Add(piece)
	}
	f.Fuzz(func(t *testing.T, log string) {
		s := sample{format, "fuzz", log}
		for _, as := range []string{format, Auto} {
			whole := s.parse(t, as)
			checkLog(t, whole, as)
			same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
			if diff := cmp.Diff(whole, s.parse(t, as, s.every(1)...), same); diff != "" {
				t.Errorf("as %s (-whole +line by line):\n%s", as, diff)
			}
		}
	})
}

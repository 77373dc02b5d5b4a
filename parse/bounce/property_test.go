package bounce

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// checkDSN parses one mail and holds what comes out to the contract.
func checkDSN(t testing.TB, mail string) {
	t.Helper()
	res, _ := parseDSN(t, dsnOptions, mail)
	for _, d := range res.Dead {
		if strings.HasPrefix(d.Reason, "parser failed") {
			t.Fatalf("%s\nin %q", d.Reason, mail)
		}
	}
	for i := range res.Events {
		e := &res.Events[i]
		switch {
		case e.Source != bouncehouse.DSN && (e.Source != bouncehouse.ARF || e.Outcome != bouncehouse.Complaint),
			e.Direction != bouncehouse.Outbound && e.Outcome != bouncehouse.Rejected:
			t.Fatalf("source %q, direction %q", e.Source, e.Direction)
		case !slices.Contains(bouncehouse.Outcomes(), e.Outcome):
			t.Fatalf("outcome %q", e.Outcome)
		case e.Stage != "" && !slices.Contains(bouncehouse.Stages(), e.Stage):
			t.Fatalf("stage %q", e.Stage)
		case !slices.Contains(bouncehouse.DSNOrigins(), e.DSNOrigin):
			t.Fatalf("dsn_origin %q", e.DSNOrigin)
		case e.Counted || !e.Claim() || e.Verified && e.DSNOrigin != bouncehouse.DSNLocal:
			t.Fatalf("counted %v, claim %v, verified %v: %s %s", e.Counted, e.Claim(), e.Verified, e.DSNOrigin,
				e.Outcome)
		case e.ReplyCode != 0 && (e.ReplyCode < 200 || e.ReplyCode > 599):
			t.Fatalf("reply_code %d", e.ReplyCode)
		case e.EnhancedCode != "" && bouncehouse.EnhancedLen(e.EnhancedCode) != len(e.EnhancedCode):
			t.Fatalf("enhanced_code %q", e.EnhancedCode)
		case e.Time.IsZero() || e.Delay.Duration < 0:
			t.Fatalf("time %v, delay %v", e.Time, e.Delay)
		}
	}
}

// TestDSNTruncated cuts every golden mail around the ends of its lines and at
// every seventh byte.
func TestDSNTruncated(t *testing.T) {
	for name, mail := range dsnGoldens(t) {
		t.Run(name, func(t *testing.T) {
			for n := range len(mail) {
				if n%7 == 0 || mail[n] == '\n' || n > 0 && mail[n-1] == '\n' {
					checkDSN(t, mail[:n])
				}
			}
		})
	}
}

// TestDSNSpliced joins the first part of every golden mail with the last
// part of others, some of each kind.
func TestDSNSpliced(t *testing.T) {
	mails := dsnGoldens(t)
	names := slices.Sorted(maps.Keys(mails))
	for n, name := range names {
		a := mails[name]
		for k := n % 11; k < len(names); k += 11 {
			b := mails[names[k]]
			for i := 1; i < 8; i += 2 {
				checkDSN(t, a[:len(a)*i/8]+b[len(b)*(8-i)/8:])
			}
		}
	}
}

// TestDSNLineEnds reads every golden mail with the other line ends: the
// events are the same.
func TestDSNLineEnds(t *testing.T) {
	for name, mail := range dsnGoldens(t) {
		lf := strings.ReplaceAll(mail, "\r\n", "\n")
		_, a := parseDSN(t, dsnOptions, lf)
		_, b := parseDSN(t, dsnOptions, strings.ReplaceAll(lf, "\n", "\r\n"))
		if a != b {
			t.Errorf("%s: LF gives %s\nCRLF gives %s", name, a, b)
		}
	}
}

func FuzzDSN(f *testing.F) {
	for _, mail := range dsnGoldens(f) {
		f.Add(mail)
	}
	f.Fuzz(func(t *testing.T, mail string) { checkDSN(t, mail) })
}

package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logLines makes n lines from number i on.
func logLines(i, n int) (text string, lines []string) {
	var all strings.Builder
	for ; n > 0; i, n = i+1, n-1 {
		line := fmt.Sprintf("Nov 21 %02d:%02d:%02d mx1 postfix/smtp[%d]: line %d", i/3600%24, i/60%60, i%60, 100+i, i)
		lines = append(lines, line)
		all.WriteString(line + "\n")
	}
	return all.String(), lines
}

func TestDrain(t *testing.T) {
	p := newPlace(t)
	text, want := logLines(0, 50)
	p.write(p.log, text+"Nov 21 not whole")
	if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
		t.Error(diff)
	}
	more, lines := logLines(50, 5)
	p.write(p.log, " yet\n"+more)
	want = append([]string{"Nov 21 not whole yet"}, lines...)
	if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
		t.Error(diff)
	}
}

package parse

import (
	"strings"
	"testing"
)

func TestZoneMTAHostileSize(t *testing.T) {
	head := "info Sender/default/1 id=S 16a1.001 REJECTED[x] from=a@b.example to=c@d.example src=192.0.2.1 mx=h[203.0.113.1] "
	hostile(t, "zonemta", func(n int) map[string]string {
		return map[string]string{
			"words":    head + strings.Repeat("a=b ", n/4),
			"brackets": head + strings.Repeat("(", n),
			"codes":    head + "(550-" + strings.Repeat("550-5.1.1 a ", n/12),
			"from":     "info Sender/default/1 id=S 16a1.001 REJECTED[x] from=" + strings.Repeat("[", n) + " to=a",
			"blanks":   "info Sender/" + strings.Repeat(" ", n),
		}
	})
}

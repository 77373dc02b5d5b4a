package parse

import (
	"strings"
	"testing"
)

func TestCourierHostileSize(t *testing.T) {
	out, in := "Dec 10 12:20:52 mx courieresmtp: id=1,from=<a@b.example>,addr=<c@d.example>",
		"Dec 10 12:20:52 mx courieresmtpd: error,relay=203.0.113.1"
	hostile(t, "courier", func(n int) map[string]string {
		return map[string]string{
			"fields":  in + strings.Repeat(",a=b", n/4),
			"quotes":  in + strings.Repeat(`,a="`, n/4),
			"address": in + ",from=<" + strings.Repeat(">a", n/2),
			"reply":   out + ": 550-" + strings.Repeat("550-a ", n/6) + "\n" + out + ",status: failure",
			"lines":   strings.Repeat(out+": 550-"+strings.Repeat("a", 100)+"\n", n/160) + out + ",status: failure",
			"from":    "Dec 10 12:20:52 mx courieresmtp: id=1,from=<" + strings.Repeat(">,addr=<", n/8),
		}
	})
}

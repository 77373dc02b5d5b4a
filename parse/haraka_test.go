package parse

import (
	"strings"
	"testing"
)

// Replies, addresses and reasons are strangers' words.
func TestHarakaHostileSize(t *testing.T) {
	out, in := "[NOTICE] [69D20955-F582-46D8-BE03-1EF15F7F98B8.1.1] [outbound] ",
		"[NOTICE] [69D20955-F582-46D8-BE03-1EF15F7F98B8.1] [core] "
	hostile(t, "haraka", func(n int) map[string]string {
		return map[string]string{
			"pairs":   out + "delivered file=" + strings.Repeat(" a=b", n/4),
			"quotes":  out + `delivered file="` + strings.Repeat(`\"`, n/2),
			"equals":  out + "delivered file=" + strings.Repeat("=", n),
			"served":  out + "delivered file=x rcpts=99999999/0/0",
			"reply":   out + "recipient <a@b.example> rejected: 550-" + strings.Repeat("550-a ", n/6),
			"address": out + "recipient <" + strings.Repeat(">a", n/2),
			"some": out + "bouncing mail: Too many failures (Some recipients temp failed: " +
				strings.Repeat("<a>, ", n/5),
			"logfmt": "level=NOTICE uuid=69D20955-F582-46D8-BE03-1EF15F7F98B8 origin=core" +
				strings.Repeat(` a="`, n/4),
			"json": `{"level":"NOTICE","uuid":"69D20955-F582-46D8-BE03-1EF15F7F98B8"` +
				strings.Repeat(`,"a":[`, n/6),
			"brackets": "[NOTICE] [" + strings.Repeat("] [", n/3),
			"recipients": strings.Repeat(in+"recipient <a@b.example> code=OK msg=\"\"\n"+in+
				"recipient <c@d.example> code=OK\n", n/300) + out + "bouncing mail: no",
			"domains": in + "sender <a> code=OK\n" + manyDomains(in,
				n/200) + strings.Repeat(out+"Looking up A records for: x\n", n/200),
		}
	})
}

func manyDomains(in string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(in + "recipient <a@" + strings.Repeat("x", i%60+1) + string(rune('a'+i%26)) +
			".example> code=OK msg=\"\"\n")
	}
	return b.String()
}

package parse

import (
	"strings"
	"testing"
)

func TestMDaemonHostileSize(t *testing.T) {
	hostile(t, "mdaemon", func(n int) map[string]string {
		return map[string]string{
			"to": "Tue 2022-08-09 07:47:31: Session 1; child 2\nTue 2022-08-09 07:47:31: *  To: " +
				strings.Repeat("a@b,", n/4) + "\n",
			"facts": "Tue 2022-08-09 07:47:31: Session 1; child 2\n" +
				strings.Repeat("Tue 2022-08-09 07:47:31: *  To: a@b\n", n/36),
			"sessions": strings.Repeat("Tue 2022-08-09 07:47:31: Session 1; child 2\n", n/44),
			"line":     "Tue 2022-08-09 07:47:31: --> " + strings.Repeat("550-", n/4),
		}
	})
}

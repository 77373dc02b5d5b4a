package parse

import (
	"strings"
	"testing"
)

func TestHMailServerHostileSize(t *testing.T) {
	smtpd := "\"SMTPD\"\t1\t2\t\"2021-07-07 07:07:01.017\"\t\"198.51.100.77\"\t"
	hostile(t, "hmailserver", func(n int) map[string]string {
		return map[string]string{
			"breaks":   smtpd + `"SENT: 250-` + strings.Repeat("[nl]250-", n/8),
			"cut":      smtpd + `"SENT: 550-` + strings.Repeat(" ... 550-", n/9),
			"tabs":     strings.Repeat("\"SMTPD\"\t", n/8),
			"rcpts":    "\"APPLICATION\"\t1\t\"2021-07-07 07:07:01.017\"\t\"SMTPDeliverer - Message 1: Delivering message from a@b to " + strings.Repeat("c@d,", n/4),
			"messages": strings.Repeat("\"APPLICATION\"\t1\t\"2021-07-07 07:07:01.017\"\t\"SMTPDeliverer - Message 1: Delivering message from a@b to c@d.\"\n", n/100),
		}
	})
}

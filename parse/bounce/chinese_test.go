package bounce

import "testing"

func TestCutLabel(t *testing.T) {
	for line, want := range map[string]labelled{
		"收件人：a@example.net":            {labelRecipient, []string{"a@example.net"}},
		"收件人 a@example.net":            {labelRecipient, []string{"a@example.net"}},
		"收　件　人: a@example.net":         {labelRecipient, []string{"a@example.net"}},
		"收件人<a@example.net>":           {labelRecipient, []string{"<a@example.net>"}},
		"收件人/To : \ta@example.net":     {labelRecipient, []string{"a@example.net"}},
		"收件人邮箱（Recipient）：a@b.example": {labelRecipient, []string{"a@b.example"}},
		"【退信原因】邮箱已满":                   {labelCause, []string{"邮箱已满"}},
		"退信原因/":                        {labelCause, []string{""}},
		"英文说明:rejected by system":      {labelFact, []string{"rejected by system"}},
		"时　间：2026-11-02":               {labelOther, []string{"2026-11-02"}},
		"收件人不存在":                       {labelNone, []string{""}},
		"原因是对方服务器拒绝":                   {labelNone, []string{""}},
		"To: a@example.net":            {labelNone, []string{""}},
		"":                             {labelNone, []string{""}},
	} {
		kind, value := cutLabel(line)
		if kind != want.kind || value != want.lines[0] {
			t.Errorf("%q: got %d %q, want %d %q", line, kind, value, want.kind, want.lines[0])
		}
	}
}

// TestCoremailFacts reads what stands behind 英文说明.
func TestCoremailFacts(t *testing.T) {
	for words, want := range map[string]block{
		"SMTP error, RCPT TO: 550 5.1.1 No such user":                                             {diagnostic: "550 5.1.1 No such user", stage: "rcpt"},
		"SMTP error, DOT: 554 DT:SPM 163 smtp9":                                                   {diagnostic: "554 DT:SPM 163 smtp9", stage: "eod"},
		"SMTP error, MAIL FROM: 553 rejected":                                                     {diagnostic: "553 rejected", stage: "mail"},
		"SMTP error, RCPT TO: Host mx.example.net(192.0.2.1) said 550 no":                         {diagnostic: "550 no", stage: "rcpt", remote: "mx.example.net (192.0.2.1)"},
		"Can not connect to mx.example.net:192.0.2.1:25":                                          {diagnostic: "Can not connect to mx.example.net:192.0.2.1:25", stage: "connect", remote: "mx.example.net (192.0.2.1)"},
		"rcpt handle timeout,last handle info: Can not connect to example.net:2001:db8::1:25":     {diagnostic: "rcpt handle timeout,last handle info: Can not connect to example.net:2001:db8::1:25", stage: "connect", remote: "2001:db8::1", action: "expired"},
		"rcpt handle timeout,last handle info: SMTP error, RCPT TO: 450 4.2.1 Mailbox busy again": {diagnostic: "450 4.2.1 Mailbox busy again", stage: "rcpt", action: "expired"},
		"DNS query error: example.net":                                                            {diagnostic: "DNS query error: example.net"},
		"rejected by system":                                                                      {diagnostic: "rejected by system"},
	} {
		b := block{recipient: "user@example.net"}
		b.fact(words)
		want.recipient = b.recipient
		if b != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", words, b, want)
		}
	}
}

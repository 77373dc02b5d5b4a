package bounce

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/parse/parsetest"
	"github.com/bouncehouse/bouncehouse/parse/said"
)

func TestReplyAt(t *testing.T) {
	for text, want := range map[string]string{
		"550 5.1.1 No such user":                              "550 5.1.1 No such user",
		"550-5.1.1 No":                                        "550-5.1.1 No",
		"550: 5.1.1 No such user":                             "550: 5.1.1 No such user",
		"the server said: 451 later":                          "451 later",
		"remote server said 452 4.2.2 full":                   "452 4.2.2 full",
		"Reason: (554 refused)":                               "554 refused)",
		"服务器返回550 用户不存在":                                      "550 用户不存在",
		"错误信息：552 mailbox is full":                            "552 mailbox is full",
		"could not be delivered <a@example.net> 550 5.1.1 no": "550 5.1.1 no",
		"more than 500 recipients":                            "",
		"message of 450 kB":                                   "",
		"port 587, code 55":                                   "",
		"id 4550 5.1.1":                                       "",
		"250 2.0.0 Ok":                                        "",
		"192.0.2.450 x":                                       "",
		"550":                                                 "",
		"":                                                    "",
	} {
		got := ""
		if at := said.ReplyAt(text); at >= 0 {
			got = text[at:]
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAddressesIn(t *testing.T) {
	for text, want := range map[string][]string{
		"<user@example.net>: no":                            {"user@example.net"},
		"您发送给user@example.net的邮件":                           {"user@example.net"},
		"收件人：a.b+c@sub.example.net；d@example.org.":          {"a.b+c@sub.example.net", "d@example.org"},
		"bounce=user=example.net@example.com":               {"bounce=user=example.net@example.com"},
		"see https://example.net/?u=a@example.org for help": nil,
		"'user@example.net'":                                {"user@example.net"},
		"root@localhost, @example.net, a@b..c, x@":          nil,
	} {
		if got := addressesIn(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestFailureSubject(t *testing.T) {
	for subject, want := range map[string]bool{
		"Undelivered Mail Returned to Sender": true,
		"Nachricht unzustellbar":              true,
		"Échec de la remise":                  true,
		"系统退信":                                true,
		"郵件傳送失敗通知":                            true,
		"配信不能のお知らせ":                           true,
		"Недоставленное сообщение":            true,
		"Re: Undelivered Mail":                false,
		"回复: 系统退信":                            false,
		"The news":                            false,
		"Automatic reply: The news":           false,
		"":                                    false,
	} {
		if got := failureSubject(subject); got != want {
			t.Errorf("%q: got %t", subject, got)
		}
	}
}

func TestDaemonAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"MAILER-DAEMON@mx.example.net": true, "<postmaster@example.net>": true, "Mailer-Daemon": true,
		"mailer-daemon-1@example.net": true,
		"MDaemon@example.net":         true, "mailer@example.net": true, "MicrosoftExchange329e71ec@example.net": true,
		"mailerlite@example.net": false, "postmasters@example.net": false,
		"user@mailer-daemon.example": false, "": false,
	} {
		if got := daemonAddress(address); got != want {
			t.Errorf("%q: got %t", address, got)
		}
	}
}

// TestProseHostile feeds texts that ask for the most work.
func TestProseHostile(t *testing.T) {
	header := "Return-Path: <>\nFrom: postmaster@example.net\nTo: news@example.com\nSubject: Undelivered mail\nContent-Type: text/plain; charset=utf-8\n\nYour mail could not be delivered.\n"
	for name, unit := range map[string]string{
		"addresses":       "u@example.net,",
		"lines":           "u@example.net: 550 5.1.1 no\n",
		"codes":           "550 ",
		"paragraphs":      "x\n\n",
		"labels":          "收件人：收件人：a@example.net 550 \n",
		"ats":             "@",
		"EyouMail":        "Mail [1] From [a]\nThe message to a@example.net is bounced because:\n550 no\n\n",
		"hMailServer":     "a@example.net\n   Error Type: SMTP\n   Remote server (192.0.2.1) issued an error.\n   Remote server replied: 550 no\n",
		"Winmail":         "<a@example.net>, remote server said: 550 no\n",
		"Failed address":  "Failed address: a@example.net\n--- Session Transcript ---\n --> RCPT To:<a@example.net>\n <-- 550 no\n",
		"fields":          "Feedback-Type: abuse\nOriginal-Rcpt-To: a@example.net\n",
		"Coremail labels": "英文说明/\nBounce reason :\n收 件 人/To : a@example.net\n",
	} {
		mail := header + strings.Repeat(unit, (1<<20)/len(unit))
		if took := parsetest.CostOf(t, func() {
			checkDSN(t, mail)
			checkDSN(t, strings.Replace(mail, "From: postmaster", "Message-ID: <MDAEMON1@example.net>\nFrom: postmaster", 1))
		}).CPU; took > 20*time.Second {
			t.Errorf("%s: %v for two mails of 1 MB", name, took)
		}
	}
}

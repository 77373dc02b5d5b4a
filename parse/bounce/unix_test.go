package bounce

import (
	"testing"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// TestUnixDialectsSayNo gives the readers of Unix mailers what only resembles
// their mails.
func TestUnixDialectsSayNo(t *testing.T) {
	header := "From: jan@example.com\nTo: ann@example.com\nSubject: Re: bounces\n\n"
	for name, mail := range map[string]string{
		"dma, cut before the address":    header + "There was an error delivering your mail to <",
		"dma, an address over two lines": header + "There was an error delivering your mail to <a@example.com\n>",
		"Postfix, another subject": header +
			"Transcript of session follows.\n\n In:  RCPT TO:<a@example.com>\n Out: 550 5.1.1 no\n",
		"Postfix, nothing refused": "Subject: Postfix SMTP server: errors from a[192.0.2.1]\n\nTranscript of session follows.\n\n In:  RCPT TO:<a@example.com>\n Out: 250 ok\n",
		"Sendmail, in the returned message": header +
			"hello\n   ----- Unsent message follows -----\n   ----- Transcript of session follows -----\n550 <a@example.com>... User unknown\n",
		"OpenSMTPD, nobody": header +
			"    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\nWhy: because\n",
		"m-FILTER, nobody": header + "-------server message\n550 no\n\n-------SMTP command\nDATA\n",
		"SES, other JSON":  header + `{"notificationType":"Received","receipt":{"recipients":["a@example.com"]}}`,
		"SES, cut off": header +
			`{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"a@exa`,
		"SES, null": header + `{"Message":null,"notificationType":null}`,
		"Oracle, nobody": header +
			"This report relates to a message you sent with the following header fields:\n\nYour message cannot be delivered to the following recipients:\n\n  Reason: none\n",
	} {
		m := parseMail(mail)
		for _, read := range []func(*mimePart) ([]report, error){readDragonFly, readPostfixNotice, readSendmail,
			readOpenSMTPD, readMFilter, readSES, readIMS, readLost} {
			if reports, err := read(m); err != nil || len(reports) > 0 {
				t.Errorf("%s: %v %v", name, reports, err)
			}
		}
	}
}

func TestSendmailResult(t *testing.T) {
	for line, want := range map[string]struct {
		recipient, result string
		host              bool
	}{
		"550 <a@example.com>... User unknown":       {"a@example.com", "User unknown", false},
		"550 5.1.1 <a@example.com>... User unknown": {"a@example.com", "User unknown", false},
		"554 a@example.com... Service unavailable":  {"a@example.com", "Service unavailable", false},
		"550 joe... User unknown":                   {"joe", "User unknown", false},
		"<a@example.com>... Deferred: Connection refused by b.": {"a@example.com",
			"Deferred: Connection refused by b.", false},
		"joe... Deferred: Connection refused by [127.0.0.1]": {"joe",
			"Deferred: Connection refused by [127.0.0.1]", false},
		"554 ames!joe... Service unavailable":                      {"ames!joe", "Service unavailable", false},
		"550 example.org (smtp)... 550 Host unknown":               {"", "550 Host unknown", true},
		"550 example.org.tcp... 550 Host unknown":                  {"", "550 Host unknown", true},
		"421 example.com (smtp)... Deferred: Connection timed out": {"", "Deferred: Connection timed out", true},
		"Wait a moment... and try again":                           {},
		"451 4.0.0 Operating system error":                         {},
		"giving up...":                                             {},
	} {
		recipient, result, host := sendmailResult(line)
		if recipient != want.recipient || host != want.host || (recipient != "" || host) && result != want.result {
			t.Errorf("%q: got %q %q %v", line, recipient, result, host)
		}
	}
}

func TestReadReceived(t *testing.T) {
	for value, want := range map[string][3]string{
		" from a.example.com (a.example.com [192.0.2.1])\r\n\tby b.example.net (8.14.4/8.14.4) with SMTP id x123\r\n\tfor <c@example.org>; date": {"a.example.com", "b.example.net", "x123"},
		"by b.example.net (Postfix, from userid 1000)\n id 4dXk7; date":                                                                          {"", "b.example.net", "4dXk7"},
		"from MAILER-DAEMON\n\tid e0720\n\tby df.example.com (DragonFly Mail Agent v0.13);\n\tdate":                                              {"MAILER-DAEMON", "df.example.com", ""},
		"from": {}, "": {}, "by": {},
	} {
		from, by, id := readReceived(value)
		if got := [3]string{from, by, id}; got != want {
			t.Errorf("%q: got %q", value, got)
		}
	}
}

func TestLoneAddress(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.com": "a@example.com", "<a+b=c@example.com>": "a+b=c@example.com", "Jan <a@example.com>": "",
		"a@example.com, b@example.com": "",
		"a":                            "", "@": "", "a@": "", "a@@b": "", "a.@b": "", `"a b"@example.com`: "",
		"a@[192.0.2.1]": "", "a@example.com.": "", "undisclosed-recipients:;": "",
	} {
		if got := values.LoneAddress(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

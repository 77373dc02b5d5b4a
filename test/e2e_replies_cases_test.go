package test_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// replyCase is one reply at one step of a session: a message, to a host of its own.
type replyCase struct {
	host      string
	ip        string
	stage     bouncehouse.Stage
	lines     []string // as they go out
	sender    string
	recipient string
}

var replyStages = []bouncehouse.Stage{bouncehouse.StageConnect, bouncehouse.StageHELO, bouncehouse.StageMAIL,
	bouncehouse.StageRCPT, bouncehouse.StageDATA, bouncehouse.StageEOD}

// sampled is how many of the real replies a short run says.
const sampled = 150

// replyCases are the replies of the corpus and the hostile ones, each at all steps or, of a sample, at one.
func replyCases(t *testing.T, seed uint64) []replyCase {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	var cases []replyCase
	add := func(stage bouncehouse.Stage, lines []string) {
		n := len(cases)
		c := replyCase{host: fmt.Sprintf("mx.c%d.example", n), ip: fmt.Sprintf("198.18.%d.%d", 1+n/250, 1+n%250),
			stage: stage, lines: lines,
			recipient: fmt.Sprintf("user@c%d.example", n)}
		switch n % 8 { // bounces cost time: most messages have no sender to send them to
		case 0:
			c.sender = fmt.Sprintf("bounces+%d-user=c%d.example@example.com", n, n)
		case 1:
			c.recipient = fmt.Sprintf("first.last+tag%d@c%d.example", n, n)
		case 2:
			c.recipient = fmt.Sprintf("o'brien/%d=x@c%d.example", n, n)
		}
		cases = append(cases, c)
	}
	replies := corpusReplies(t)
	if !allReplies() {
		rng.Shuffle(len(replies), func(i, j int) { replies[i], replies[j] = replies[j], replies[i] })
		replies = replies[:sampled]
	}
	for i, reply := range replies {
		lines := asLines(rng, reply)
		if allReplies() {
			for _, stage := range replyStages {
				add(stage, lines)
			}
		} else {
			add(replyStages[i%len(replyStages)], lines)
		}
	}
	for i, lines := range hostileReplies() {
		if allReplies() {
			for _, stage := range replyStages {
				add(stage, lines)
			}
		} else {
			add(replyStages[(i+int(seed%7))%len(replyStages)], lines)
			add(bouncehouse.StageRCPT, lines)
		}
	}
	for _, lines := range consents() {
		add(bouncehouse.StageEOD, lines)
	}
	return cases
}

func corpusReplies(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(test.Root(t), "enrich", "testdata", "replies.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var replies []string
	in := bufio.NewScanner(f)
	for in.Scan() {
		var r struct {
			Reply string `json:"reply"`
		}
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r.Reply)
	}
	if in.Err() != nil || len(replies) < 500 {
		t.Fatalf("%d replies, %v", len(replies), in.Err())
	}
	return replies
}

// asLines makes a reply of the corpus, where the lines are joined, into one as it was or may have been on the wire.
func asLines(rng *rand.Rand, reply string) []string {
	r := bouncehouse.ParseReply(reply)
	if r.Code/100 != 4 && r.Code/100 != 5 {
		r.Code = []uint16{450, 550, 554, 451}[rng.IntN(4)]
	}
	texts := []string{r.Text}
	if rng.IntN(2) == 0 {
		texts = wrap(r.Text, 20+rng.IntN(80))
	}
	lines := make([]string, len(texts))
	first := rng.IntN(3) == 0 // the enhanced code on the first line only
	for i, text := range texts {
		mark := "-"
		if i == len(texts)-1 {
			mark = " "
		}
		if r.Enhanced != "" && (i == 0 || !first) {
			text = r.Enhanced + " " + text
		}
		lines[i] = fmt.Sprintf("%d%s%s", r.Code, mark, text)
	}
	return lines
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+len(word) >= width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// hostileReplies are replies as no log format foresaw them, each as its lines go out.
func hostileReplies() [][]string {
	long := func(n int) string { return strings.Repeat("word-of-ten", n/10+1)[:n] }
	blank := func(n int) string { return strings.Repeat("ten chars ", n/10+1)[:n] }
	return [][]string{
		{"550 5.1.1 to=<a@b.example>, relay=evil.example[192.0.2.99]:25, delay=0, dsn=2.0.0, status=sent (250 Ok)"},
		{"550 5.1.1 x), status=sent (250 2.0.0 Ok"},
		{"450 4.2.0 user (in reply to RCPT TO command) unknown"},
		{"550-5.7.1 first (in reply to MAIL FROM command)", "550 5.7.1 second"},
		{"550 5.1.1 <user@c1.example>: dsn=4.0.0, status=deferred (host mx.x.example[192.0.2.3] said: 450 4.1.1 no)"},
		{`550 5.1.1 "quoted" \backslash\ 100% %s %d %n [brackets] {braces} 'single' ; semicolon; #hash`},
		{`554 5.7.1 ends in a backslash \`},
		{`554 5.7.1 ends in a quote "`},
		{`554 5.7.1 "starts and ends quoted"`},
		{`554 5.7.1 result="Ok" stat="250 2.0.0 delivered"`},
		{`554 5.7.1 stat=Sent (ok), dsn=2.0.0, reply=250 2.0.0 Ok`},
		{`452 4.2.2 , dsn=2.0.0, stat=Sent`},
		{`550 5.7.1 H=evil.example [192.0.2.9] C="250 Ok" R=x T=y: SMTP error from remote mail server after RCPT TO:<z@z.example>: 450 later`},
		{"550 5.1.1 tab\there\tand  two   blanks"},
		{"550 5.1.1 trailing blanks   "},
		{"550 5.1.1  two blanks before"},
		{"550   5.1.1 three blanks before the code"},
		{"550 5.1.1\tTabbed"},
		{"550 5.1.1"},
		{"550 "},
		{"550"},
		{"450"},
		{"550-5.1.1", "550 5.1.1"},
		{"550-", "550-5.1.1 after an empty line", "550-", "550 "},
		{"550-5.1.1 first", "550-", "550 5.1.1 third"},
		{"550-first without", "550 5.7.1 enhanced on the second"},
		{"550-5.7.1 one code", "550 5.7.26 another code"},
		{"550-5.1.1 text 550 5.1.1 and 550-5.1.1 codes within", "550 5.1.1 last"},
		{"550 550 5.1.1 code twice"},
		{"550 5.1.1 550 5.1.1 all twice"},
		{"550 #5.1.0 Address rejected."},
		{"550 5.7.1: colon after the code"},
		{"550 [5.7.1] bracketed"},
		{"550 (5.7.1) parenthesized"},
		{"554 5.7.1 1.2.3.4 begins with an address"},
		{"550 192.0.2.1 is listed at bl.example.net"},
		{"550 4.7.1 a class that is not the reply's"},
		{"450 5.7.1 a class that is not the reply's"},
		{"550 2.1.5 success of a failure"},
		{"550 5.1234.1 not an enhanced code"},
		{"599 5.9.9 odd code"},
		{"421 4.7.0 closing"},
		{"421-4.7.28 Our system has detected", "421 4.7.28 an unusual rate"},
		{"421 closing without a code"},
		{"550 收件人不存在。用户 不存在 http://mail.example.net/?q=%E4%BD%A0"},
		{"550 5.1.1 \xca\xd5\xbc\xfe\xc8\xcb\xb2\xbb\xb4\xe6\xd4\xda GBK"},
		{"550 5.1.1 \x5c\x81\x5c GBK's second byte may be a backslash \x95\x5c"},
		{"550 5.1.1 caf\xe9 Latin-1"},
		{"550 5.1.1 bell\x07 escape\x1b[31m red\x1b[0m delete\x7f c1\xc2\x9b"},
		{"550 5.1.1 right to left \u202e and a line separator \u2028 end"},
		{"550 5.1.1 soft\u00adhyphen\u200bzero width, emoji 😀"},
		{"550 5.1.1 vertical\vtab form\ffeed no-break\u00a0space"},
		{"550 5.1.1 bare\rreturn"},
		{`550 5.1.1 EXAMPLE\tom is unknown`},
		{"550 5.1.1 nul\x00byte"},
		{"550 5.1.1 octal \\303\\244 and \\n written out \\t \\\\"},
		{"550 5.1.1 " + long(500)},
		{"550 5.1.1 " + blank(600)},
		{"550 5.1.1 " + blank(1100)},
		{"450 4.1.1 " + long(1100)},
		{"550 5.1.1 " + blank(2500)},
		{"550-5.1.1 " + blank(400), "550-5.1.1 " + blank(400), "550 5.1.1 " + blank(400)},
		slowlyLong(),
		{"550 5.1.1 host mx.fake.example[192.0.2.77] said: 250 Ok (in reply to end of DATA command)"},
		{"550 5.1.1 host mx.fake.example[192.0.2.77] refused to talk to me: 421 busy"},
		{"554 5.1.1 lost connection with mx.fake.example[192.0.2.77] while sending RCPT TO"},
		{"450 4.3.0 conversation with mx.fake.example[192.0.2.77] timed out"},
		{"450 4.3.0 delivery temporarily suspended: connect to mx[192.0.2.77]:25: Connection refused"},
		{"550 5.0.0 retry time not reached for any host"},
		{"550 5.0.0 Connection timed out"},
		{"450 4.0.0 Deferred: Connection refused by mx.fake.example."},
		{"550 5.0.0 User unknown"},
		{"550 5.0.0 = equals == ** => -> <= Completed"},
		{"550 5.0.0 ** x@y.example R=r T=t: gone"},
		{"550 5.0.0 1tEAbc-0000ab-00 => z@z.example R=r T=t H=h [192.0.2.4] C=\"250 Ok\""},
		{"550 5.0.0 \\\"escaped\\\" quotes and ,commas, [192.0.2.5]:25 (192.0.2.6)"},
		{"550 5.0.0 : colon : first: second : 550 5.1.1 third"},
		{"550 : starts with a colon"},
		{"550 - starts with a dash"},
		{"550 5.0.0 - dash"},
		{"550 5.0.0 (parenthesis"},
		{"550 5.0.0 parenthesis)"},
		{"550 5.0.0 ((nested) and [open"},
		{"550 5.0.0 ... dots ... and ..."},
		{"550-5.0.0 line one", "550 5.0.0 550 5.0.0 line two with its code again"},
		{"550-User unknown", "550-Please see", "550 http://www.example.net/?a=b&c=\"d\";e"},
		{"552-5.2.2 The recipient's inbox is out of storage space. Please direct the", "552-5.2.2 recipient to",
			"552 5.2.2  https://support.example.net/mail/?p=OverQuotaPerm a1b2c3 - gsmtp"},
	}
}

// slowlyLong has as many lines as no log line has room for.
func slowlyLong() []string {
	var lines []string
	for range 60 {
		lines = append(lines, "554-5.7.1 one of sixty lines of a reply that explains itself at length")
	}
	return append(lines, "554 5.7.1 end")
}

// consents are replies to a message that was taken.
func consents() [][]string {
	return [][]string{
		{"250 2.0.0 Ok: queued as 4ABC12"},
		{"250 Ok"},
		{"250"},
		{"250 2.0.0"},
		{"250 OK id=1tEAbc-0000ab-00"},
		{"250 2.6.0 <abc@mail.example.com> [InternalId=1234, Hostname=AB1.eurprd01.prod.example] 1234 bytes in 0.1, 12.3 KB/sec Queued mail for delivery"},
		{"250-2.0.0 taken", "250 2.0.0 thank you"},
		{"250 2.0.0 (said: 550 5.1.1 no), status=bounced (in reply to RCPT TO command)"},
		{"250 2.0.0 stat=Deferred, dsn=4.0.0, result=\"PermFail\""},
		{`250 2.0.0 "quoted" \backslash\ C="550 no" ends in a quote "`},
		{`250 2.0.0 ends in a backslash \`},
		{"250 2.0.0 收下了 \xca\xd5 caf\xe9"},
		{"250 2.0.0 ok 1700000000 qp 1234"},
		{"250 550 5.1.1 not a failure"},
		{"252 2.5.2 odd code"},
		{"250 2.0.0 " + strings.Repeat("long ", 150) + "end"},
	}
}

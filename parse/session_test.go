package parse

import (
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// What an envelope holds is given back when the next begins: a connection may
// serve any number of messages.
func TestSessionLongConnection(t *testing.T) {
	d := dialogue{direction: bouncehouse.Outbound}
	d.connected()
	var res bouncehouse.Result
	d.reply("220 mx.example.net ESMTP", &res)
	for range 40000 {
		for _, command := range []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<recipient@example.net>", "DATA"} {
			d.command(command, &res)
		}
		for _, reply := range []string{"250 ok", "250 ok", "354 go", "250 2.0.0 queued"} {
			d.reply(reply, &res)
		}
	}
	if len(res.Events) != 40000 || d.lost || d.bytes > 1000 {
		t.Errorf("%d events, lost %v, %d bytes", len(res.Events), d.lost, d.bytes)
	}
}

// Nor is anything left of a session whose end is not in the log: a greeting
// under its name begins another.
func TestSessionBeginsAnew(t *testing.T) {
	d := dialogue{direction: bouncehouse.Inbound}
	var res bouncehouse.Result
	for range 40000 {
		d.reply("220 mx.example.com ESMTP", &res)
		for _, command := range []string{"EHLO client.example", "MAIL FROM:<sender@example.net>",
			"RCPT TO:<recipient@example.com>"} {
			d.command(command, &res)
		}
		for _, reply := range []string{"250 ok", "250 ok", "550 no"} {
			d.reply(reply, &res)
		}
	}
	if len(res.Events) != 40000 || d.lost || d.bytes > 1000 {
		t.Errorf("%d events, lost %v, %d bytes", len(res.Events), d.lost, d.bytes)
	}
}

package bounce

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// BATV, Bounce Address Tag Validation (draft-levine-smtp-batv-01): who tags the
// envelope senders of his mail knows by the address to which a bounce mail came
// that it answers some mail of his:
//
//	prvs=KDDDSSSSSS=news@example.com
//
// K is the number of the key; DDD the last three digits of the day, since 1970,
// on which the tag expires, a week after it was made; SSSSSS the first three
// bytes of the HMAC-SHA1 of KDDD and the address, in hex.

// batvDays is for how many days a tag is valid.
const batvDays = 7

// tagged returns the address of the bounce mail, or of its sender as the report
// names it, that carries a tag under one of our keys which was valid then.
func (o ours) tagged(rep *report, at time.Time) string {
	if len(o.keys) == 0 {
		return ""
	}
	for _, name := range []string{"To", "Delivered-To", "X-Original-To", "Envelope-To"} {
		if a := values.OneAddress(rep.mail.header.get(name)); o.validTag(a, at) {
			return a
		}
	}
	if o.validTag(rep.sender, at) {
		return rep.sender
	}
	return ""
}

func (o ours) validTag(address string, at time.Time) bool {
	const kind, size = "prvs=", len("KDDDSSSSSS")
	if len(address) < len(kind)+size+1 || !strings.EqualFold(address[:len(kind)], kind) ||
		address[len(kind)+size] != '=' {
		return false
	}
	tag, bare := address[len(kind):len(kind)+size], address[len(kind)+size+1:]
	day, err := strconv.Atoi(tag[1:4])
	if err != nil {
		return false
	}
	if left := (day - int(at.Unix()/86400)%1000 + 1000) % 1000; left > batvDays {
		return false
	}
	sum, err := hex.DecodeString(tag[4:])
	if err != nil {
		return false
	}
	for _, key := range o.keys {
		for _, a := range []string{bare, values.LowerASCII(bare)} { // QUIRK: some servers fold the address
			mac := hmac.New(sha1.New, key)
			mac.Write([]byte(tag[:4] + a))
			if hmac.Equal(mac.Sum(nil)[:3], sum) {
				return true
			}
		}
	}
	return false
}

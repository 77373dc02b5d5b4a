package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Yahoo's bounces (also those of Yahoo! Japan, and of AOL and Verizon since
// they are on the same servers) have the form of qmail's, and readQSBMF reads
// them. Three generations:
//
//	Message from yahoo.com.                                        until about 2012
//	Unable to deliver message to the following address(es).
//
//	<user@example.net>:
//	192.0.2.1 does not like recipient.
//	Remote host said: 550 5.1.1 User unknown
//
//	Sorry, we were unable to deliver your message to the following address.
//
//	<user@example.net>:
//	Remote host said: 550 5.1.1 <user@example.net>... User Unknown [RCPT_TO]
//
//	<user@example.net>:                                            since 2017
//	550: 5.1.1 <user@example.net>... User Unknown
//
// or its own words: "Unable to deliver message after multiple retries, giving
// up.", "No MX or A records for example.net", "This user doesn't have a
// yahoo.com account (user@yahoo.com) [-5]".

// yahooReply undoes the colon behind a reply's code:
//
//	550: 5.1.1 text
//	550: : User unknown
func yahooReply(s string) string {
	if len(s) < 4 || s[3] != ':' || !bouncehouse.StartsWithCode(s[:3]) {
		return s
	}
	return s[:3] + " " + strings.TrimLeft(s[4:], ": ")
}

// yahooStage cuts the command that the reply answered off its end.
func yahooStage(reply string) (string, bouncehouse.Stage) {
	n := strings.LastIndexByte(reply, '[')
	if n < 0 || !strings.HasSuffix(reply, "]") {
		return reply, ""
	}
	var stage bouncehouse.Stage
	switch reply[n+1 : len(reply)-1] {
	case "CONNECT", "GREETING":
		stage = bouncehouse.StageConnect
	case "HELO", "EHLO":
		stage = bouncehouse.StageHELO
	case "STARTTLS":
		stage = bouncehouse.StageSTARTTLS
	case "MAIL_FROM":
		stage = bouncehouse.StageMAIL
	case "RCPT_TO":
		stage = bouncehouse.StageRCPT
	case "DATA":
		stage = bouncehouse.StageDATA
	case "BODY":
		stage = bouncehouse.StageEOD
	default:
		return reply, ""
	}
	return strings.TrimRight(reply[:n], " "), stage
}

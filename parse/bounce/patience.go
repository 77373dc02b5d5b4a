package bounce

import (
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Whether a text says that its server goes on trying, or gave up.

var (
	// expiredPhrases say that the queue's lifetime ran out. "Expired" alone
	// does not: accounts and domains expire too.
	expiredPhrases = newPhrases("retry timeout exceeded", "retry time exceeded", "message expired", "queue.expired",
		"delivery time expired",
		"unable to deliver in", "queue too long", "queued too long", "message too old", "has stopped trying",
		"maximum queue time", "queue lifetime", "retry limit", "will be deleted from queue",
		"been in the queue for too long", "giving up on this message after", "envelope expired",
		"failing for a long time", "after a long failure period", "after multiple retries, giving up")

	// retryPhrases say that delivery goes on.
	retryPhrases = newPhrases("will be retried", "still being retried", "will retry", "will keep trying",
		"not need to resend", "delivery will continue")

	// delayPhrases say so where the report is one, and may be of any other text.
	delayPhrases = newPhrases("warning message only", "this is only a warning", "has been delayed", "is delayed",
		"delivery delayed", "temporary non-fatal", "not yet been delivered", "has not been delivered yet",
		"will continue to try",
		"will continue trying", "attempts will continue", "still trying", "will be attempted", "keep trying",
		"retrying", "attempts to deliver this message are pending", "还会继续", "将继续尝试", "继续尝试投递", "會繼續嘗試", "繼續嘗試", "再送を試み",
		"再送信を試み", "warteschlange und wird")
)

// saysExpired tells whether the text says that the queue's lifetime ran out.
func saysExpired(text string) bool {
	return expiredPhrases.in(text) || undeliveredFor(text)
}

// undeliveredFor tells "could not be delivered for 5 days" from "could not be
// delivered for the following reason".
func undeliveredFor(text string) bool {
	const words = "could not be delivered for "
	for {
		n := values.IndexFold(text, words)
		if n < 0 {
			return false
		}
		text = text[n+len(words):]
		if text != "" && values.IsDigit(text[0]) {
			return true
		}
		for _, span := range [...]string{"more than ", "over ", "at least ", "the last ", "the past ", "a day",
			"a week", "several ", "some time"} {
			if values.HasPrefixFold(text, span) {
				return true
			}
		}
	}
}

// saysRetrying tells whether the text says that delivery goes on.
func saysRetrying(text string) bool { return retryPhrases.in(text) }

// saysDelayed tells whether a report without a machine's part is a warning.
func saysDelayed(text string) bool {
	return saysRetrying(text) || delayPhrases.in(values.ClipTo(text, maxSearched))
}

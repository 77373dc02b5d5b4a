package parse

// What readers of bounce mails without a machine part share.

// textReport begins the report of a mail whose text is all there is. The
// text may hold the returned message too: the reader cuts human where it
// begins, and reads its header where original is still nil.
func textReport(m *mimePart, human string) report {
	return report{mail: m, human: human, original: m.original()}
}

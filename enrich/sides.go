package enrich

import "strings"

// Sides of a provider that serves both: whose mailboxes a host answers for.
const (
	Consumer = "consumer" // the provider's own addresses: gmail.com, outlook.com, qq.com
	Business = "business" // its customers' domains: Google Workspace, Microsoft 365, Tencent Exmail
)

// Side tells which side of its provider a host answers for, "" where the host
// does not tell. It says what the column provider_side of the events table
// says, which is computed by the database: the provider is the same for both
// sides, as are its words and its codes.
func Side(host string) string {
	host = lower(strings.TrimSuffix(host, "."))
	for _, k := range Providers() {
		if within(host, k.Business) {
			return Business
		}
		if within(host, k.Consumer) {
			return Consumer
		}
	}
	return ""
}

func within(host string, suffixes []string) bool {
	for _, s := range suffixes {
		if head, ok := strings.CutSuffix(host, s); ok && (head == "" || strings.HasSuffix(head, ".")) {
			return true
		}
	}
	return false
}

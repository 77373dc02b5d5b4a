package enrich

import (
	"slices"
	"strings"
)

// List is a blocklist or its operator as replies name it.
type List struct {
	Name  string // what Event.DNSBL says
	Words string // literals, alternatives parted by "|", as in Rule.All
	// Weak words mean the list only where the reply is known to speak of one.
	Weak bool
	// Lookup is the page where an address is looked up and removed.
	Lookup string
	// Dead ones are no longer run: who asks them has stale settings.
	Dead bool
}

// Lists is the table of blocklists that replies name, the exact ones first.
// Dead ones stand here too: stale configurations still cite them.
func Lists() []List {
	return []List{
		{Name: "zen.spamhaus.org", Words: "zen.spamhaus.org|spamhaus.org/zen|spamhaus zen|zen.dq.spamhaus.net",
			Lookup: "https://check.spamhaus.org"},
		{Name: "sbl-xbl.spamhaus.org", Words: "sbl-xbl.spamhaus.org", Lookup: "https://check.spamhaus.org"},
		{Name: "sbl.spamhaus.org", Words: "sbl.spamhaus.org|spamhaus.org/sbl|spamhaus sbl|spamhaus block list (sbl)",
			Lookup: "https://check.spamhaus.org"},
		{Name: "xbl.spamhaus.org", Words: "xbl.spamhaus.org|spamhaus.org/xbl|spamhaus xbl|exploits block list",
			Lookup: "https://check.spamhaus.org"},
		{Name: "pbl.spamhaus.org",
			Words:  "pbl.spamhaus.org|spamhaus.org/pbl|spamhaus pbl|block list (pbl)|policy block list",
			Lookup: "https://check.spamhaus.org"},
		{Name: "css.spamhaus.org", Words: "css.spamhaus.org|spamhaus.org/css|spamhaus css",
			Lookup: "https://check.spamhaus.org"},
		{Name: "dbl.spamhaus.org", Words: "dbl.spamhaus.org|spamhaus.org/dbl|spamhaus dbl",
			Lookup: "https://check.spamhaus.org"},
		{Name: "spamhaus", Words: "spamhaus", Lookup: "https://check.spamhaus.org"},
		{Name: "cbl.abuseat.org", Words: "abuseat.org", Lookup: "https://check.spamhaus.org"},
		{Name: "bl.spamcop.net", Words: "spamcop", Lookup: "https://www.spamcop.net/bl.shtml"},
		{Name: "b.barracudacentral.org",
			Words:  "barracudacentral.org|barracuda brbl|barracuda reputation|barracuda blocklist|_brbl_",
			Lookup: "https://www.barracudacentral.org/rbl/removal-request"},
		{Name: "dnsbl-1.uceprotect.net", Words: "dnsbl-1.uceprotect",
			Lookup: "https://www.uceprotect.net/rblcheck.php"},
		{Name: "dnsbl-2.uceprotect.net", Words: "dnsbl-2.uceprotect",
			Lookup: "https://www.uceprotect.net/rblcheck.php"},
		{Name: "dnsbl-3.uceprotect.net", Words: "dnsbl-3.uceprotect",
			Lookup: "https://www.uceprotect.net/rblcheck.php"},
		{Name: "uceprotect", Words: "uceprotect", Lookup: "https://www.uceprotect.net/rblcheck.php"},
		{Name: "ips.backscatterer.org", Words: "backscatterer", Lookup: "https://www.backscatterer.org"},
		{Name: "psbl.surriel.com", Words: "psbl.surriel.com|psbl.org|_psbl_", Lookup: "https://psbl.org"},
		{Name: "mailspike", Words: "mailspike", Lookup: "https://mailspike.org"},
		{Name: "dnsbl.spfbl.net", Words: "spfbl", Lookup: "https://matrix.spfbl.net"},
		{Name: "spamrats", Words: "spamrats", Lookup: "https://www.spamrats.com/lookup.php"},
		{Name: "abusix", Words: "abusix", Lookup: "https://lookup.abusix.com"},
		{Name: "bl.blocklist.de", Words: "blocklist.de", Lookup: "https://www.blocklist.de/en/search.html"},
		{Name: "dnsbl.dronebl.org", Words: "dronebl", Lookup: "https://dronebl.org/lookup"},
		{Name: "truncate.gbudb.net", Words: "gbudb", Lookup: "https://www.gbudb.com/truncate"},
		{Name: "bl.spameatingmonkey.net", Words: "spameatingmonkey", Lookup: "https://spameatingmonkey.com/lookup"},
		{Name: "all.s5h.net", Words: "s5h.net|usenix.org.uk", Lookup: "https://www.usenix.org.uk"},
		{Name: "db.wpbl.info", Words: "wpbl.info", Lookup: "https://www.wpbl.info"},
		{Name: "bl.0spam.org", Words: "0spam.org", Lookup: "https://0spam.org"},
		{Name: "hostkarma.junkemailfilter.com", Words: "hostkarma|junkemailfilter",
			Lookup: "https://ipadmin.junkemailfilter.com/remove.php"},
		{Name: "senderscore", Words: "senderscore|returnpath|return path|sender score",
			Lookup: "https://senderscore.org"},
		{Name: "mail-abuse.com",
			Words:  "mail-abuse.com|mail-abuse.org|trendmicro.com/reputations|ers-rbl|ers-dul|ers-qil",
			Lookup: "https://ers.trendmicro.com/reputations"},
		{Name: "invaluement", Words: "invaluement|ivmsip|ivmuri", Lookup: "https://www.invaluement.com/lookup"},
		{Name: "cloudmark-csi", Words: "csi.cloudmark.com|cloudmark|cm-csi|csi-global|csi.mimecast.org",
			Lookup: "https://csi.cloudmark.com/en/reset"},
		{Name: "cloudmark-csi", Words: "_csi_", Weak: true, Lookup: "https://csi.cloudmark.com/en/reset"},
		{Name: "proofpoint", Words: "prs.proofpoint.com|ipcheck.proofpoint.com|support.proofpoint.com",
			Lookup: "https://ipcheck.proofpoint.com"},
		{Name: "talos", Words: "senderbase|talosintelligence",
			Lookup: "https://talosintelligence.com/reputation_center"},
		{Name: "dul.dnsbl.sorbs.net", Words: "dul.dnsbl.sorbs.net", Dead: true},
		{Name: "spam.dnsbl.sorbs.net", Words: "spam.dnsbl.sorbs.net", Dead: true},
		{Name: "dnsbl.sorbs.net", Words: "dnsbl.sorbs.net", Dead: true},
		{Name: "sorbs", Words: "sorbs", Dead: true},
		{Name: "ix.dnsbl.manitu.net", Words: "manitu.net|nixspam", Dead: true},
		{Name: "anti-spam.org.cn", Words: "anti-spam.org.cn|_casa_", Lookup: "https://www.anti-spam.org.cn"},
		{Name: "nerd.dk", Words: "countries.nerd.dk", Dead: true},
		{Name: "relays.ordb.org", Words: "ordb.org", Dead: true},
		{Name: "orbs.org", Words: "orbs.org", Dead: true},
		{Name: "osirusoft.com", Words: "osirusoft", Dead: true},
		{Name: "list.dsbl.org", Words: "dsbl.org", Dead: true},
		{Name: "njabl.org", Words: "njabl", Dead: true},
		{Name: "ahbl.org", Words: "ahbl.org", Dead: true},
		{Name: "bl.spamcannibal.org", Words: "spamcannibal", Dead: true},
		{Name: "dnsbl.cobion.com", Words: "cobion.com", Dead: true},
		{Name: "dnsbl.inps.de", Words: "inps.de", Dead: true},
		{Name: "bl.nszones.com", Words: "nszones.com", Dead: true},
		{Name: "bl.emailbasura.org", Words: "emailbasura", Dead: true},
		{Name: "surbl", Words: "surbl", Lookup: "https://surbl.org/surbl-analysis"},
		{Name: "uribl", Words: "uribl", Lookup: "https://admin.uribl.com"},
		{Name: "cbl.abuseat.org", Words: "_cbl_", Weak: true, Lookup: "https://check.spamhaus.org"},
	}
}

// namedZone finds the zone that a reply names after "using", "by", "at", "in"
// or "on", where no table has it.
func namedZone(text string) string {
	for rest := text; ; {
		word, after, ok := strings.Cut(rest, " ")
		if !ok {
			return ""
		}
		rest = after
		if len(word) > 5 || !slices.ContainsFunc(beforeZone,
			func(w string) bool { return strings.EqualFold(w, word) }) {
			continue
		}
		zone, _, _ := strings.Cut(rest, " ")
		zone, _, _ = strings.Cut(zone, "=") // zone=127.0.0.2
		zone = strings.Trim(zone, "()[]<>.,:;\"'")
		if hostLike(zone) {
			return lower(zone)
		}
	}
}

var beforeZone = []string{"using", "by", "at", "in", "on", "see", "list"}

// urls appends to found the http(s) URLs in text, maxURLs of them at most,
// without the point or bracket that ends the sentence around them. They are
// parts of text.
func urls(found []string, text string) []string {
	most := len(found) + maxURLs
	for rest := text; ; {
		n := strings.Index(rest, "://")
		if n < 0 {
			return found
		}
		start := n
		switch {
		case n >= 5 && strings.EqualFold(rest[n-5:n], "https"):
			start = n - 5
		case n >= 4 && strings.EqualFold(rest[n-4:n], "http"):
			start = n - 4
		default:
			rest = rest[n+3:]
			continue
		}
		end := n + 3
		for end < len(rest) && inURL[rest[end]] {
			end++
		}
		last := end
		for strings.IndexByte(".,;:!?)]", rest[last-1]) >= 0 {
			last--
		}
		u := rest[start:last]
		if len(u) > n-start+3 && len(found) < most {
			found = append(found, u)
		}
		rest = rest[end:]
	}
}

// inURL are the bytes that a URL is read of.
var inURL = func() (in [256]bool) {
	for c := ' ' + 1; c < 0x7f; c++ {
		in[c] = strings.IndexByte("<>\"'`{}|\\^", byte(c)) < 0
	}
	return in
}()

// maxURLs bounds the URLs kept of one reply.
const maxURLs = 8

// codeShape finds a provider's own code in a reply that has one of the marks,
// literals parted by "|": in what Shape's first group matches, else in all.
type codeShape struct{ Marks, Shape string }

// codeShapes is the table of the forms that providers' own codes have. A
// shape is tried on replies with its mark only; its first group is the code.
func codeShapes() []codeShape {
	return []codeShape{
		{"aup#", `AUP#[A-Za-z0-9-]+`},
		{"ofr|lpn|ouk|lib_", `\b((?i:OFR|LPN|OUK|LIB)[0-9A-Z]{0,3}_[0-9]{2,4})\b`},
		{"[ts|[bl|[gl|[ph|[cs|[hm|[bs", `\[(?:TSS?|BL|GL|PH|CS|HME?|BS)[0-9]{1,3}\]`},
		{"(au|(s|(as|as(", `\((?:AU[0-9]{2}|S[0-9]{4}|AS[0-9]{3,10})\)|AS\([0-9]{3,10}\)`},
		{"rp-0|sc-0|dy-0|ou-0", `\b(?:RP|SC|DY|OU)-0[0-9]{2}\b`},
		{"dt:|hl:|mi:|rp:|wm:", `\b(?:DT|HL|MI|RP|WM):[A-Z]{3}\b`},
		{"_ib", `\bIB[0-9]{3}\b`},
		{"#rl0|#bl0|#dm0|#es0|rl0000|_bl00", `\b(?:RL|BL|DM|ES)[0-9]{4,6}\b`},
		{"rcp-|pol-|con-|msg-|dns-|int-", `\b(?:RCP|POL|CON|MSG|DNS|INT)-[PT][0-9]{1,2}\b`},
		{"rtr:|hvu:|rly:|dyn:|dns:|con:|mff:", `\b(?:RTR|HVU|RLY|DYN|DNS|CON):[A-Z0-9]{1,3}\b|\bMFF:`},
		{"(g", `\(G[0-9A-F]{1,2}[A-F]?\)`},
		{"_das", `\bDAS[0-9]{2}\b`},
		{"etp", `\bETP[0-9]{3}\b`},
		{"ers-", `\bERS-[A-Za-z-]+`},
		{"mail/?p=", `mail/\?p=([A-Za-z0-9]+)`},
		{"&c=|?c=", `[?&]c=([a-z0-9]+)`},
		{"qq.com", `(?:no=|/detail/[0-9]+/)([0-9]+)`},
		{"delivery error: dd|message not allowed", `\[(?:#|-)?[0-9.]+\]|\([0-9.]+\)`},
		{"amta|vs1-", `\bVS1-[A-Z]+\b`},
		{"mail.i.ua/err", `err/([0-9]+)`},
		{"(nowl)|(bl)|(dial)", `\((?:NOWL|BL|DIAL)\)`},
		{"[s09]|[s10]|[nr]|[ib_feb]|[rbl]|[bfd]|[esa]|[br]|[uns]|[ss]|[cs]|[sdnf]|[aup]|[rb]",
			`\[(?:S[0-9]{2}|NR|IB_FEB|RBL|BFD|ESA|BR|UNS|SS|CS|SDNF|AUP|RB)\]`},
		{"temporarily deferred - [|[#4.16.", `\[#?[0-9.]+\]`},
		{"connection rejected by policy [|requested action aborted [", `\[[0-9]+(?:\.[0-9]+)?\]`},
		{"connection refused from [", `\bE[0-9]{4}\b`},
		{"resolver.|storedrv.|transport.rules|smtpsend.",
			`\b(?:RESOLVER|STOREDRV|TRANSPORT|SMTPSEND)\.[A-Za-z]+(?:\.[A-Za-z]+)?`},
		{"_attr|_prx", `\b(?:ATTR|PRX)[0-9]{1,3}\b`},
	}
}

package enrich

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Sides of a provider that serves both: whose mailboxes a host answers for.
const (
	Consumer = "consumer" // the provider's own addresses: gmail.com, outlook.com, qq.com
	Business = "business" // its customers' domains: Google Workspace, Microsoft 365, Tencent Exmail
)

// providerTable finds who answered by names, on label boundaries: one map
// look-up a label, the longest suffix first.
type providerTable struct {
	mx      map[string]bouncehouse.Provider // by host suffix; a "*" label stands for any
	domains map[string]bouncehouse.Provider // by whole recipient domain
	brands  map[string]bouncehouse.Provider // first label of the domains written with a final "*"
	sides   map[string]string               // Consumer or Business by host suffix
}

func newProviderTable(known []Known) *providerTable {
	t := &providerTable{
		mx:      map[string]bouncehouse.Provider{},
		domains: map[string]bouncehouse.Provider{},
		brands:  map[string]bouncehouse.Provider{},
		sides:   map[string]string{},
	}
	for _, k := range known {
		id := bouncehouse.Provider(k.ID)
		for _, s := range k.MX {
			t.mx[s] = id
		}
		for _, s := range k.Consumer {
			t.sides[s] = Consumer
		}
		for _, s := range k.Business {
			t.sides[s] = Business
		}
		for _, d := range k.Domains {
			if brand, ok := strings.CutSuffix(d, ".*"); ok {
				t.brands[brand] = id
			} else {
				t.domains[d] = id
			}
		}
	}
	return t
}

// byHost names the provider of an MX host, by the longest suffix that is known.
func (t *providerTable) byHost(host string) bouncehouse.Provider {
	host = lower(strings.TrimSuffix(host, "."))
	for rest := host; rest != ""; {
		if p := t.mx[rest]; p != "" {
			return p
		}
		// One inner label may vary: inbound-smtp.us-east-1.amazonaws.com.
		if first, after, ok := strings.Cut(rest, "."); ok && first == "inbound-smtp" {
			if _, tail, ok := strings.Cut(after, "."); ok {
				if p := t.mx[first+".*."+tail]; p != "" {
					return p
				}
			}
		}
		_, rest, _ = strings.Cut(rest, ".")
	}
	return ""
}

// side tells which side of its provider a host answers for, "" where the host
// does not tell: the provider is the same for both, as are its words and codes.
func (t *providerTable) side(host string) string {
	host = lower(strings.TrimSuffix(host, "."))
	for rest := host; rest != ""; _, rest, _ = strings.Cut(rest, ".") {
		if s := t.sides[rest]; s != "" {
			return s
		}
	}
	return ""
}

// byAddress names the provider that serves the address's domain itself.
func (t *providerTable) byAddress(addr string) bouncehouse.Provider {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return ""
	}
	domain := lower(strings.TrimSuffix(addr[at+1:], "."))
	if p := t.domains[domain]; p != "" {
		return p
	}
	brand, suffix, ok := strings.Cut(domain, ".")
	if !ok || !countrySuffix(suffix) {
		return ""
	}
	return t.brands[brand]
}

// countrySuffix tells whether s looks like what a brand registers under in
// many countries: com, fr, co.uk, com.br. Else live.example.com would be
// taken for Microsoft's.
func countrySuffix(s string) bool {
	first, second, two := strings.Cut(s, ".")
	if !two {
		return len(first) == 2 || first == "com" || first == "net" || first == "org"
	}
	return len(second) == 2 && (first == "co" || first == "com" || first == "ne" || first == "net")
}

// lower folds ASCII case; what is lower already costs nothing.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

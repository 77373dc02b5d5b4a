// Package enrich adds to events what they do not say themselves: why
// (class), who (provider), whose reputation is at stake (subject IP), and
// what DNS says of it. Classifier and the tables that it reads are pure; only
// dns.go does I/O.
package enrich

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/bouncehouse/bouncehouse"
)

// Options of the classifier.
type Options struct {
	Egress []netip.Addr // our own sending addresses, where they are configured
	Rules  []Rule       // tried before the built-in ones
	Known  []Known      // providers besides the built-in ones, which they override
	// Believe takes bounce mails and complaints at their word: the provider of
	// one is whom it names. Else it is who brought it from outside, as the server
	// of the mailbox saw it; whom it names is left where nobody did, or nothing
	// tells.
	Believe bool
}

// Classifier fills Class, Rule, Provider, ProviderSide, ProviderCode, Template,
// CitedIP, DNSBL, URLs, SubjectIP and RulesVersion. What is set already stays.
// It is safe for concurrent use.
//
// The order of evidence: a provider's dialect, the wording, the enhanced
// code, the basic code with its stage. The class depends on the reply's
// template, its codes, stage, outcome and provider, on nothing else.
type Classifier struct {
	providers *providerTable
	folder    folder
	words     *literals
	matcher   *matcher
	hints     *hints
	version   string
	believe   bool
	egress    map[netip.Addr]bool
	only      netip.Addr // the egress address where there is exactly one

	seen    *cache[verdict]
	hosts   *cache[answerer]
	scratch sync.Pool // of *scratch
}

// scratch is what classifying a batch needs for the moment.
type scratch struct {
	key   []byte
	low   []byte
	words []int32
	set   wordSet
	urls  []string // room for those of the events to come
}

var _ bouncehouse.Enricher = (*Classifier)(nil)

// Bounds of the memory: entries, and bytes of a key that is kept. With all of
// them as long as may be it takes some 25 MB (measured: 23 with templates of 1,000 bytes).
const (
	maxVerdicts   = 1 << 14
	maxVerdictKey = 1024
	maxHosts      = 1 << 14
	maxHostKey    = 256
)

// verdict is what a template and its codes amount to.
type verdict struct {
	class        bouncehouse.Class
	rule         string
	provider     bouncehouse.Provider
	providerCode string
	template     string
	dnsbl        string
	urls         bool // the reply has some
	findZone     bool // the reply names a blocklist that no table has
}

// NewClassifier compiles the rules. An error is a RuleError: the first fault
// in them.
func NewClassifier(opt Options) (*Classifier, error) {
	c := &Classifier{
		providers: newProviderTable(append(Providers(), opt.Known...)),
		believe:   opt.Believe,
		egress:    map[netip.Addr]bool{},
		seen:      newCache[verdict](maxVerdicts, maxVerdictKey),
		hosts:     newCache[answerer](maxHosts, maxHostKey),
	}
	for _, a := range opt.Egress {
		c.egress[a.Unmap()] = true
		c.only = a.Unmap()
	}
	if len(c.egress) != 1 {
		c.only = netip.Addr{}
	}
	rules := append(append([]Rule{}, opt.Rules...), Rules()...)
	c.version = version(rules, opt)
	v := &vocabulary{ids: map[string]int32{}}
	var err error
	if c.matcher, err = newMatcher(rules, len(opt.Rules), v); err != nil {
		return nil, err
	}
	c.hints = newHints(v)
	samples := examples(rules)
	if c.words, err = newLiterals(v.literals, samples); err != nil {
		return nil, err
	}
	c.matcher.index(c.words, samples)
	c.folder = newFolder(rules, c.providers)
	return c, nil
}

// revision is raised whenever the code of this package, not its tables, gives
// another class, provider or template than before.
const revision = 1

// version names what classifies: the tables, a user's own ones and revision.
// Equal versions give equal answers.
func version(rules []Rule, opt Options) string {
	h := sha256.New()
	// strings and numbers
	_ = json.NewEncoder(h).Encode([]any{revision, rules, Providers(), opt.Known, Lists(), speakers(), opt.Believe})
	return fmt.Sprintf("%x", h.Sum(nil)[:4])
}

// examples are the rules' examples.
func examples(rules []Rule) []string {
	all := make([]string, len(rules))
	for i := range rules {
		all[i] = rules[i].Example
	}
	return all
}

// newFolder keeps those host names in templates that rules and the tables of
// lists and providers speak of.
func newFolder(rules []Rule, t *providerTable) folder {
	var f folder
	keep := func(group string) {
		for _, w := range split(group) {
			w, _, _ = strings.Cut(strings.Trim(w, "_/.@"), "/")
			if hostLike(w) {
				f.domains.add(w)
			}
		}
	}
	for s := range t.mx {
		f.domains.add(s)
	}
	for _, l := range Lists() {
		keep(l.Words)
		for _, w := range split(l.Words) {
			if !strings.ContainsAny(w, " ./_-") {
				f.labels.add(w)
			}
		}
	}
	for _, r := range rules {
		for _, group := range r.All {
			keep(group)
		}
	}
	for _, s := range speakers() {
		keep(s.Words)
	}
	// Not hosts, but formed like them: parts of Exchange and Mimecast.
	for _, w := range []string{"resolver", "storedrv", "queue", "mcspamsignature", "drbl", "spamblock"} {
		f.labels.add(w)
	}
	return f
}

// Enrich fills the fields of each event that are still empty. It returns no
// error.
func (c *Classifier) Enrich(ctx context.Context, res *bouncehouse.Result) error {
	events := res.Events
	s, ok := c.scratch.Get().(*scratch)
	if !ok {
		s = &scratch{}
	}
	for i := range events {
		if cap(s.urls)-len(s.urls) < maxURLs {
			s.urls = make([]string, 0, max(maxURLs, min(64, len(events)-i)))
		}
		c.fill(&events[i], s)
	}
	s.urls = nil // else what is left of it would hold this batch's replies
	c.scratch.Put(s)
	return nil
}

func (c *Classifier) fill(e *bouncehouse.Event, s *scratch) {
	given := e.Provider
	e.RulesVersion = c.version
	if e.Direction != bouncehouse.Inbound {
		who := c.answerer(e, s)
		e.Provider, e.ProviderSide = cmp.Or(e.Provider, who.provider), who.side
	}
	switch e.Outcome {
	case bouncehouse.Delivered, bouncehouse.Relayed:
		setClass(e, bouncehouse.ClassDelivered, "")
	case bouncehouse.Complaint:
		setClass(e, bouncehouse.Feedback, "")
	case bouncehouse.AutoReply:
		setClass(e, bouncehouse.ClassAutoReply, "")
	default:
		c.reason(e, s)
	}
	// Whom a claim names tells how to read its words, and no more.
	if e.Claim() && e.DSNOrigin != bouncehouse.DSNLocal && !c.believe {
		if host, outside := bringer(e.Client); outside {
			e.Provider, e.ProviderSide = given, c.providers.side(host)
			if given == "" {
				e.Provider = c.providers.byHost(host)
			}
		}
	}
	if !e.SubjectIP.IsValid() {
		e.SubjectIP = c.subjectIP(e)
	}
}

// bringer reads a client, name[address]; outside tells whether its address is
// one of the Internet's.
func bringer(client string) (host string, outside bool) {
	host, address, _ := strings.Cut(client, "[")
	ip, err := netip.ParseAddr(strings.TrimSuffix(address, "]"))
	return host, err == nil && !ip.IsPrivate() && !ip.IsLoopback()
}

func setClass(e *bouncehouse.Event, class bouncehouse.Class, rule string) {
	if e.Class == "" {
		e.Class, e.Rule = class, rule
	}
}

// answerer is who answered: by the host, else by whose domain it is.
type answerer struct {
	provider bouncehouse.Provider
	side     string
}

func (c *Classifier) answerer(e *bouncehouse.Event, s *scratch) answerer {
	domain := e.Recipient[strings.LastIndexByte(e.Recipient, '@')+1:]
	s.key = append(append(append(s.key[:0], e.RemoteHost...), 0), domain...)
	hash := c.hosts.hash(s.key)
	if p := c.hosts.get(hash, s.key); p != nil {
		return *p
	}
	who := answerer{c.providers.byHost(e.RemoteHost), c.providers.side(e.RemoteHost)}
	if who.provider == "" {
		who.provider = c.providers.byAddress(e.Recipient)
	}
	return *c.hosts.put(hash, string(s.key), who)
}

// reason finds why, from what the reply and its codes say.
func (c *Classifier) reason(e *bouncehouse.Event, s *scratch) {
	text := e.ReplyText
	if len(text) > bouncehouse.MaxText {
		text = strings.ToValidUTF8(text[:bouncehouse.MaxText], "")
	}
	key, cited := c.folder.fold(s.key[:0], text)
	size := len(key)
	key = append(append(key, 0), e.Provider...)
	key = append(append(key, 0), e.EnhancedCode...)
	key = append(append(key, 0), e.Stage...)
	key = append(key, 0, byte(e.ReplyCode), byte(e.ReplyCode>>8), outcomeBit(e.Outcome))
	s.key = key

	hash := c.seen.hash(key)
	v := c.seen.get(hash, key)
	if v == nil {
		kept := string(key)
		v = c.seen.put(hash, kept, c.judge(kept[:size], e, s))
	}
	setClass(e, v.class, v.rule)
	if e.Provider == "" && e.Direction != bouncehouse.Inbound {
		e.Provider = v.provider
	}
	if e.ProviderCode == "" {
		e.ProviderCode = v.providerCode
	}
	if e.Template == "" {
		e.Template = v.template
	}
	if e.DNSBL == "" {
		e.DNSBL = v.dnsbl
		if v.findZone {
			e.DNSBL = namedZone(text)
		}
	}
	if !e.CitedIP.IsValid() {
		e.CitedIP = cited.Unmap()
	}
	if v.urls && e.URLs == nil {
		n := len(s.urls)
		if s.urls = urls(s.urls, text); len(s.urls) > n {
			e.URLs = s.urls[n:len(s.urls):len(s.urls)]
		}
	}
}

// outcomeBit is what of an outcome decides: an expiry is judged otherwise.
func outcomeBit(o bouncehouse.Outcome) byte {
	if o == bouncehouse.Expired {
		return 1
	}
	return 0
}

// judge weighs the evidence in its order.
func (c *Classifier) judge(template string, e *bouncehouse.Event, s *scratch) verdict {
	v := verdict{template: template, provider: e.Provider, urls: strings.Contains(template, "://")}
	s.words, s.low = c.words.find(template, s.low, &s.set, s.words[:0])
	hint := c.hints.of(s.words)
	if v.provider == "" {
		v.provider = c.hints.provider(hint)
	}
	enhanced := e.EnhancedCode
	if zero := len(enhanced) < 5 || enhanced[1:] == ".0.0"; zero {
		// qmail, Cisco and others put it into the text: (#5.7.1).
		if said := quotedCode(template); said != "" {
			enhanced = said
		}
	}
	var digits [3]byte
	code := strconv.AppendUint(digits[:0], uint64(e.ReplyCode), 10)

	// An unknown provider leaves out the dialect rules marked Only.
	last := e.Outcome != bouncehouse.Expired && enhancedClass(enhanced) == ""
	rule := c.matcher.find(&evidence{template, v.provider, string(code), enhanced, e.Stage, last}, s.words, &s.set)
	switch {
	case rule != nil:
		v.class, v.rule = rule.Class, rule.Name
		if v.provider == "" && rule.names {
			v.provider = rule.Provider
		}
	case e.Outcome == bouncehouse.Expired:
		v.class, v.rule = bouncehouse.ClassExpired, "outcome"
	default:
		if v.class = enhancedClass(enhanced); v.class != "" {
			v.rule = "enhanced-code"
		} else if v.class = basicClass(e.ReplyCode, e.Stage); v.class != "" {
			v.rule = "reply-code"
		} else {
			v.class, v.rule = bouncehouse.Undetermined, ""
		}
	}
	v.dnsbl = c.hints.dnsbl(hint, v.class)
	v.findZone = v.dnsbl == "" && v.class == bouncehouse.DNSBL
	v.providerCode = c.hints.code(hint, template)
	for _, w := range s.words {
		s.set.remove(w)
	}
	return v
}

// quotedCode finds an RFC 3463 code that the text has in brackets or after #.
func quotedCode(s string) string {
	for i := 0; i+5 <= len(s); i++ {
		if s[i] != '#' && s[i] != '(' && s[i] != '[' {
			continue
		}
		n := i + 1
		for n < len(s) && (kinds[s[n]] == digit || s[n] == '.') {
			n++
		}
		if enhancedCode(s[i+1 : n]) {
			return s[i+1 : n]
		}
	}
	return ""
}

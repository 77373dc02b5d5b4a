package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
	"github.com/bouncehouse/bouncehouse/explain"
	"github.com/bouncehouse/bouncehouse/parse"
)

type explainCmd struct {
	dataFlags
	Lang  string   `placeholder:"LANG" help:"en or zh (default: by LC_ALL, LC_MESSAGES and LANG)."`
	JSON  bool     `name:"json" help:"Print a JSON object."`
	Event string   `placeholder:"ID" help:"Explain a stored event, by its event_id."`
	Reply []string `arg:"" optional:"" help:"A reply, a log line or a sentence that cites one; without it, it is read from standard input."`
}

// explained is what explain prints: the reply as it was understood, and the
// advice.
type explained struct {
	Reply    string               `json:"reply"`
	Rule     string               `json:"rule,omitempty"`
	Provider bouncehouse.Provider `json:"provider,omitempty"`
	explain.Advice
}

func (cmd *explainCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	lang := explain.Lang(cmd.Lang)
	if cmd.Lang == "" {
		lang = localLang()
	}
	if !slices.Contains(explain.Langs(), lang) {
		return fmt.Errorf("%w: --lang %s: give en or zh", errWrongUse, cmd.Lang)
	}
	var e bouncehouse.Event
	switch {
	case cmd.Event != "" && len(cmd.Reply) > 0:
		return fmt.Errorf("%w: give a reply or --event, not both", errWrongUse)
	case cmd.Event != "":
		e, err = storedEvent(a, c, cmd.Event)
	default:
		e, err = cmd.typed(a, c)
	}
	if err != nil {
		return err
	}
	known, err := knownOf(c, &e)
	if err != nil {
		return err
	}
	advice, err := explain.Explain(&e, known, lang)
	if err != nil {
		return err
	}
	out := explained{replyOf(&e), e.Rule, e.Provider, advice}
	if cmd.JSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	return out.print(&people{to: a.stdout}, lang)
}

// typed makes an event of what the user gave: a log line that some format
// knows, else a reply.
func (cmd *explainCmd) typed(a *app, c Config) (bouncehouse.Event, error) {
	text := strings.Join(cmd.Reply, " ")
	if len(cmd.Reply) == 0 {
		if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return bouncehouse.Event{}, fmt.Errorf(`%w: give the reply: bouncehouse explain "550 5.7.1 ..."`,
				errWrongUse)
		}
		line, err := readLine(bufio.NewReader(a.stdin))
		if err != nil && !errors.Is(err, io.EOF) {
			return bouncehouse.Event{}, fmt.Errorf("read the reply: %w", err)
		}
		text = line
	}
	if strings.TrimSpace(text) == "" {
		return bouncehouse.Event{}, fmt.Errorf(`%w: give the reply: bouncehouse explain "550 5.7.1 ..."`, errWrongUse)
	}
	classify, err := classifier(c)
	if err != nil {
		return bouncehouse.Event{}, err
	}
	if e, ok, err := fromLine(a.ctx, classify, c, text); ok || err != nil {
		return e, err
	}
	return classifyReply(a, classify, text)
}

// fromLine takes text for a log line.
func fromLine(ctx context.Context, classify *enrich.Classifier, c Config,
	text string) (bouncehouse.Event, bool, error) {
	parser, err := parse.New(parse.Auto, parse.Options{})
	if err != nil {
		return bouncehouse.Event{}, false, err
	}
	var res bouncehouse.Result
	chunk := bouncehouse.Chunk{Kind: bouncehouse.Lines, Host: c.Host, Zone: c.Timezone, Ref: time.Now(), Data: text}
	bouncehouse.ParseChunk(parser, &chunk, &res)
	if len(res.Events) == 0 {
		return bouncehouse.Event{}, false, nil
	}
	err = classify.Enrich(ctx, &bouncehouse.Result{Events: res.Events[:1]})
	return res.Events[0], true, err
}

// storedEvent reads an event from the tables.
func storedEvent(a *app, c Config, id string) (e bouncehouse.Event, err error) {
	if b, err := hex.DecodeString(id); err != nil || len(b) != 16 {
		return e, fmt.Errorf("%w: --event %q: an event_id is 32 hexadecimal digits", errWrongUse, id)
	}
	db, stop, err := openReader(a, c)
	if err != nil {
		return e, err
	}
	defer stop()
	var rows []struct {
		Class        string   `ch:"class"`
		Rule         string   `ch:"rule"`
		Provider     string   `ch:"provider"`
		ProviderCode string   `ch:"provider_code"`
		Direction    string   `ch:"direction"`
		Outcome      string   `ch:"outcome"`
		ReplyCode    uint16   `ch:"reply_code"`
		EnhancedCode string   `ch:"enhanced_code"`
		ReplyText    string   `ch:"reply_text"`
		DNSBL        string   `ch:"dnsbl"`
		URLs         []string `ch:"urls"`
		CitedIP      string   `ch:"cited_ip"`
		SubjectIP    string   `ch:"subject_ip"`
		Listed       []string `ch:"dnsbl_listed"`
		RDNSStatus   string   `ch:"rdns_status"`
	}
	const sql = `SELECT class, rule, provider, provider_code, direction, outcome, reply_code, enhanced_code, reply_text, dnsbl, urls, cited_ip, subject_ip, dnsbl_listed, rdns_status
		FROM bouncehouse.events WHERE event_id = $1 LIMIT 1`
	if err := db.Select(a.ctx, &rows, sql, strings.ToLower(id)); err != nil {
		return e, fmt.Errorf("look up the event: %w", err)
	}
	if len(rows) == 0 {
		return e, fmt.Errorf("there is no event %s: take the event_id from the events table, or from bouncehouse parse if that file was stored under the same path", id)
	}
	r := rows[0]
	e = bouncehouse.Event{Class: bouncehouse.Class(r.Class), Rule: r.Rule, Provider: bouncehouse.Provider(r.Provider),
		ProviderCode: r.ProviderCode, Direction: bouncehouse.Direction(r.Direction),
		Outcome: bouncehouse.Outcome(r.Outcome), ReplyCode: r.ReplyCode, EnhancedCode: r.EnhancedCode,
		ReplyText: r.ReplyText, DNSBL: r.DNSBL, URLs: r.URLs,
		DNSBLListed: r.Listed, RDNSStatus: bouncehouse.RDNSStatus(r.RDNSStatus)}
	e.CitedIP, _ = netip.ParseAddr(r.CitedIP) // "" where there is none
	e.SubjectIP, _ = netip.ParseAddr(r.SubjectIP)
	return e, nil
}

// knownOf is what the tables know of the event's provider and blocklist.
func knownOf(c Config, e *bouncehouse.Event) (k explain.Context, err error) {
	var o enrich.Options
	if err := loadRules(c.Rules, &o); err != nil {
		return k, err
	}
	for _, p := range slices.Concat(enrich.Providers(), o.Known) {
		if bouncehouse.Provider(p.ID) == e.Provider {
			k.ProviderName, k.ProviderHelp = p.Name, p.Help
		}
	}
	for _, l := range enrich.Lists() {
		if e.DNSBL == l.Name {
			k.ListLookup, k.ListDead = l.Lookup, l.Dead
			break
		}
	}
	return k, nil
}

// replyOf is the reply on one line.
func replyOf(e *bouncehouse.Event) string {
	var parts []string
	if e.ReplyCode != 0 {
		parts = append(parts, fmt.Sprint(e.ReplyCode))
	}
	for _, s := range []string{e.EnhancedCode, e.ReplyText} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

// print writes the advice for people.
func (x *explained) print(w io.Writer, lang explain.Lang) error {
	colon := ": "
	label := func(en, zh string) string {
		if lang == explain.Chinese {
			return zh
		}
		return en
	}
	if lang == explain.Chinese {
		colon = ":"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s%s%s", x.Reply, label("class", "分类"), colon, x.Class)
	if x.Provider != "" {
		fmt.Fprintf(&b, "  %s%s%s", label("provider", "服务商"), colon, x.Provider)
	}
	if x.Rule != "" {
		fmt.Fprintf(&b, "  %s%s%s", label("rule", "规则"), colon, x.Rule)
	}
	fmt.Fprintf(&b, "\n\n%s\n", x.Meaning)
	for _, n := range x.Notes {
		fmt.Fprintln(&b, n)
	}
	fmt.Fprintf(&b, "\n%s%s%s\n%s%s%s\n", label("Whose turn", "该谁处理"), colon, x.Whose, label("Retry", "重试"), colon,
		x.When)
	list := func(title string, items []string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for i, item := range items {
			fmt.Fprintf(&b, "  %d. %s\n", i+1, item)
		}
	}
	list(label("Likely causes", "可能的原因"), x.Causes)
	list(label("What to do", "处理步骤"), x.Steps)
	if len(x.Links) > 0 {
		fmt.Fprintf(&b, "\n%s\n", label("Pages", "相关页面"))
		for _, l := range x.Links {
			fmt.Fprintf(&b, "  %s%s%s\n", l.What, colon, l.URL)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// localLang is the language of the environment.
func localLang() explain.Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "zh") {
				return explain.Chinese
			}
			break
		}
	}
	return explain.English
}

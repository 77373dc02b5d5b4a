package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
	"github.com/bouncehouse/bouncehouse/parse"
)

type classifyCmd struct {
	baseFlags
	JSON      bool   `name:"json" help:"Print a JSON object a line, with all that the reply names."`
	RulesFile string `name:"rules" placeholder:"FILE" help:"Rules and providers of your own, tried before the built-in ones (default: the configuration's)."`
	Test      bool   `help:"Read no replies: check the rules file, and that each of its rules decides its own example."`
}

// classified is what classify prints of a reply.
type classified struct {
	Class        bouncehouse.Class    `json:"class"`
	Rule         string               `json:"rule,omitempty"`
	Provider     bouncehouse.Provider `json:"provider,omitempty"`
	ProviderCode string               `json:"provider_code,omitempty"`
	ReplyCode    uint16               `json:"reply_code,omitempty"`
	EnhancedCode string               `json:"enhanced_code,omitempty"`
	DNSBL        string               `json:"dnsbl,omitempty"`
	URLs         []string             `json:"urls,omitempty"`
	CitedIP      netip.Addr           `json:"cited_ip,omitzero"`
	Template     string               `json:"template,omitempty"`
}

func (cmd *classifyCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	if cmd.RulesFile != "" {
		c.Rules = cmd.RulesFile
	}
	if cmd.Test {
		return testRules(a, c)
	}
	classify, err := classifier(c)
	if err != nil {
		return err
	}
	if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(a.stderr, "Paste replies, one a line; end with Ctrl-D.")
	}
	stdin, stop, err := a.input()
	if err != nil {
		return err
	}
	defer stop()
	in, out := bufio.NewReader(stdin), bufio.NewWriter(a.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if a.ctx.Err() != nil {
			return errors.Join(out.Flush(), errors.New("stopped before the end of the replies"))
		}
		if err != nil {
			return fmt.Errorf("read replies: %w", err)
		}
		e, err := classifyReply(a, classify, line)
		if err != nil {
			return err
		}
		if cmd.JSON {
			err = enc.Encode(classified{e.Class, e.Rule, e.Provider, e.ProviderCode, e.ReplyCode, e.EnhancedCode,
				e.DNSBL, e.URLs, e.CitedIP, e.Template})
		} else {
			_, err = fmt.Fprintf(out, "%-22s %-16s %s\n", e.Class, e.Provider,
				bouncehouse.Clean(line, bouncehouse.MaxText))
		}
		if err == nil && in.Buffered() == 0 {
			err = out.Flush() // who types, or asks line by line, waits for the answer
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
}

// classifyReply makes an event of a reply, or of a sentence that cites one,
// and classifies it.
func classifyReply(a *app, classify *enrich.Classifier, line string) (bouncehouse.Event, error) {
	events := []bouncehouse.Event{parse.Said(line)}
	err := classify.Enrich(a.ctx, &bouncehouse.Result{Events: events})
	return events[0], err
}

// readLine reads a line without its end, of which it keeps MaxText bytes: no
// more of a reply decides. The last line may lack its end.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part[:min(len(part), 2*bouncehouse.MaxText-len(line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		default:
			return "", err
		}
	}
}

// testRules checks a rules file.
func testRules(a *app, c Config) error {
	if c.Rules == "" {
		return fmt.Errorf("%w: --test needs the rules to check: --rules FILE", errWrongUse)
	}
	var o enrich.Options
	if err := loadRules(c.Rules, &o); err != nil {
		return err
	}
	faults, notes := enrich.Lint(o)
	for _, n := range notes {
		fmt.Fprintf(a.stdout, "note: %s\n", n.Error())
	}
	at := ruleLines(c.Rules)
	for _, f := range faults {
		fmt.Fprintf(a.stdout, "%s: %s\n", at(f.Number), f.Error())
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults in %s", len(faults), c.Rules)
	}
	fmt.Fprintf(a.stdout, "%s is good: %d rules, %d providers.\n", c.Rules, len(o.Rules), len(o.Known))
	return nil
}

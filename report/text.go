package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// WriteText prints r as tables of at most width columns (at least 80), with
// times in zone.
func (r *Report) WriteText(w io.Writer, width int, zone *time.Location) error {
	width = max(width, 80)
	var b strings.Builder
	fmt.Fprintf(&b, "Mail sent from %s to %s\n", stamp(r.Since, zone), stamp(r.Until, zone))
	if r.Claims.Believed && len(r.Providers) == 0 {
		b.WriteString("From bounce mails only, believed as they are: bounces.trust is all\n")
	} else if r.Claims.Believed {
		b.WriteString("Bounce mails and complaints are believed as they are: bounces.trust is all\n")
	}
	if len(r.Providers) == 0 {
		b.WriteString("No delivery attempts in this time.\n")
		switch {
		case len(r.Claims.Providers) > 0, r.Claims.Unproved != Unproved{}:
		case r.Latest != nil:
			fmt.Fprintf(&b, "The newest event is of %s; try --since with a longer time, or --since all.\n",
				stamp(*r.Latest, zone))
		case len(r.Inbound) == 0:
			b.WriteString("There are no events yet: read logs first with bouncehouse run --once PATH...\n")
		}
	} else {
		b.WriteString(r.providerTable(width))
	}
	if len(r.Refusals) > 0 {
		b.WriteString("\nMost frequent refusals and deferrals\n")
		b.WriteString(r.refusalTable(width, zone))
	}
	if r.Claims.Error != "" {
		const failed = "Bounce mails and complaints are left out: "
		reason := strings.Join(strings.Fields(r.Claims.Error), " ")
		if _, words, ok := strings.Cut(reason, "message: "); ok { // the server's, behind the driver's
			reason = words
		}
		fmt.Fprintf(&b, "\n%s%s\n", failed, text.Trim(reason, width-len(failed)))
	}
	if len(r.Claims.Providers) > 0 {
		b.WriteString("\nBounced after delivery, and complaints (by mail, beside the attempts above)\n")
		b.WriteString(r.claimsTable(width))
	}
	if u := r.Claims.Unproved; u.BounceMails+u.Complaints > 0 {
		fmt.Fprintf(&b, "\n%s and %s prove nothing and are not counted:\n"+
			"bouncehouse query \"SELECT * FROM claims WHERE NOT verified\" tells which.\n",
			plural(u.BounceMails, "bounce mail"), plural(u.Complaints, "complaint"))
		if len(r.Providers) == 0 {
			b.WriteString("Where no logs are read, the setting bounces.trust says what is believed.\n")
		}
	}
	if n := r.Claims.Misnamed; n > 0 {
		fmt.Fprintf(&b, "\n%s of your own mail by the logs, of none of your servers by the setting hosts: add to it what\n"+
			"these call themselves behind \"by\" in Received fields (Postfix: postconf myhostname).\n",
			plural(n, "bounce"))
	}
	if len(r.Inbound) > 0 {
		b.WriteString("\nClients refused by our servers\n")
		b.WriteString(r.inboundTable(width, zone))
	}
	if r.DeadLetters > 0 {
		fmt.Fprintf(&b, "\n%d records could not be read or stored; bouncehouse deadletter list tells which and why.\n",
			r.DeadLetters)
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func newTable(width int) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Box.PaddingLeft = ""
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.Style().Size.WidthMax = width
	return t
}

func (r *Report) providerTable(width int) string {
	t := newTable(width)
	t.AppendHeader(table.Row{"provider", "attempts", "delivered", "deferred", "bounced", "expired", "5.7.1",
		"top class", "p50", "p95"})
	var right []table.ColumnConfig
	for _, n := range []int{2, 3, 4, 5, 6, 7, 9, 10} {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(append(right, table.ColumnConfig{Number: 1, WidthMax: 14, WidthMaxEnforcer: text.Trim},
		table.ColumnConfig{Number: 8, WidthMax: 19, WidthMaxEnforcer: text.Trim}))
	for _, p := range r.Providers {
		t.AppendRow(table.Row{named(p.Provider), p.Attempts, p.Delivered, p.Deferred, p.Bounced, p.Expired, p.Code571,
			p.TopClass, seconds(p.DelayP50), seconds(p.DelayP95)})
	}
	return t.Render() + "\np50, p95: median and 95th percentile of the time from arrival to delivery\n"
}

func (r *Report) refusalTable(width int, zone *time.Location) string {
	class := 5
	for _, f := range r.Refusals {
		class = max(class, len(f.Class)) // of a closed list: none is long
	}
	others := 6 + 15 + 10 + class + 5 // the other columns, and a space behind each
	t := newTable(width)
	t.AppendHeader(table.Row{"count", "first, last", "provider", "class", "reply"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 3, WidthMax: 10, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, WidthMax: class, WidthMaxEnforcer: text.WrapSoft},
		{Number: 5, WidthMax: width - others, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, f := range r.Refusals {
		code := f.EnhancedCode
		if f.ReplyCode != 0 {
			code = strings.TrimSpace(fmt.Sprintf("%d %s", f.ReplyCode, f.EnhancedCode))
		}
		reply := strings.TrimSpace(code + " " + f.Template)
		const most = 240
		if len(reply) > most {
			reply = strings.ToValidUTF8(reply[:most], "") + " ..."
		}
		t.AppendRow(table.Row{f.Count, short(f.First, zone) + "\n" + short(f.Last, zone), named(f.Provider), f.Class,
			reply})
	}
	return t.Render() + "\n"
}

func (r *Report) inboundTable(width int, zone *time.Location) string {
	t := newTable(width)
	t.AppendHeader(table.Row{"class", "count", "clients", "last"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 3, Align: text.AlignRight, AlignHeader: text.AlignRight}})
	for _, i := range r.Inbound {
		t.AppendRow(table.Row{i.Class, i.Count, i.Clients, short(i.Last, zone)})
	}
	return t.Render() + "\n"
}

func (r *Report) claimsTable(width int) string {
	t := newTable(width)
	t.AppendHeader(table.Row{"provider", "late bounces", "top class", "complaints"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 4, Align: text.AlignRight, AlignHeader: text.AlignRight}})
	for _, c := range r.Claims.Providers {
		t.AppendRow(table.Row{named(c.Provider), c.LateBounces, c.TopClass, c.Complaints})
	}
	return t.Render() + "\n"
}

func plural(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func named(provider string) string {
	if provider == "" {
		return "(others)"
	}
	return provider
}

// seconds prints a delay as people read it: 0.4s, 12s, 5m10s, 3h20m, 2d4h.
func seconds(s *float64) string {
	switch {
	case s == nil:
		return "-"
	case *s < 10:
		return fmt.Sprintf("%.1fs", *s)
	case *s < 60:
		return fmt.Sprintf("%.0fs", *s)
	case *s < 3600:
		return fmt.Sprintf("%dm%02ds", int(*s)/60, int(*s)%60)
	case *s < 86400:
		return fmt.Sprintf("%dh%02dm", int(*s)/3600, int(*s)/60%60)
	}
	return fmt.Sprintf("%dd%02dh", int(*s)/86400, int(*s)/3600%24)
}

func stamp(t time.Time, zone *time.Location) string {
	if t.Unix() <= 0 {
		return "the beginning"
	}
	return t.In(zone).Format("2006-01-02 15:04 MST")
}

func short(t time.Time, zone *time.Location) string { return t.In(zone).Format("Jan 02 15:04:05") }

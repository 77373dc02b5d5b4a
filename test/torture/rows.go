package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// rowsAtOnce is about how many rows one query asks for: answers have limits.
const rowsAtOnce = 20_000

// read is what ClickHouse holds. attempts are the ledger's, by whose times the questions are cut.
func (h *house) read(ctx context.Context, attempts []Attempt) (*stored, error) {
	s := &stored{rollup: map[bucket]sums{}, report: map[string]answers{}}
	from := int64(0)
	for i := rowsAtOnce; from >= 0; i += rowsAtOnce {
		to, until := int64(-1), ""
		if i < len(attempts) {
			to = attempts[i].Time
			until = fmt.Sprintf(" AND toUnixTimestamp64Milli(time) < %d", to)
		}
		if to == from {
			continue
		}
		out, err := h.ask(ctx,
			fmt.Sprintf("SELECT source, host, toUnixTimestamp64Milli(time), recipient, queue_id, sender, "+
				"message_id, client, outcome, reply_code, enhanced_code, provider, counted, stream, file_id, offset, ordinal, chunk "+
				"FROM events WHERE toUnixTimestamp64Milli(time) >= %d%s", from, until))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			row, err := parseRow(strings.ReplaceAll(line, h.dir+"/", ""))
			if err != nil {
				return nil, err
			}
			s.rows = append(s.rows, row)
		}
		from = to
	}
	if err := h.readRollup(ctx, s); err != nil {
		return nil, err
	}
	if err := h.readReport(ctx, s); err != nil {
		return nil, err
	}
	out, err := h.ask(ctx, "SELECT uniqExact(host, queue_id) FROM messages")
	if err == nil {
		s.messages, err = strconv.Atoi(strings.TrimSpace(out))
	}
	if err != nil {
		return nil, err
	}
	if out, err = h.ask(ctx, "SELECT file_name, offset, reason FROM dead_letters FINAL"); err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		s.dead = append(s.dead, strings.TrimSpace(line))
	}
	return s, nil
}

// parseRow reads a line of the query above. Of a mail, time, host, client and provider say who read it, and when.
func parseRow(line string) (Attempt, error) {
	f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
	if len(f) != 18 {
		return Attempt{}, fmt.Errorf("a row of %d columns: %q", len(f), line)
	}
	var err error
	number := func(s string) int64 {
		n, numErr := strconv.ParseInt(s, 10, 64)
		if numErr != nil {
			err = numErr
		}
		return n
	}
	a := Attempt{Source: f[0], Host: f[1], Time: number(f[2]), Recipient: f[3], QueueID: f[4], Sender: f[5],
		MessageID: f[6], Client: f[7], Outcome: f[8], Code: int(number(f[9])), Enhanced: f[10], Provider: f[11],
		Counted: int(number(f[12])),
		Where:   fmt.Sprintf("%s file %s byte %s ordinal %s chunk %s", f[13], f[14], f[15], f[16], f[17])}
	if a.Source == "dsn" {
		a.Host, a.Time, a.Client, a.Provider = "", 0, "", ""
	}
	return a, err
}

func (h *house) readRollup(ctx context.Context, s *stored) error {
	out, err := h.ask(ctx, "SELECT toUnixTimestamp(bucket), provider, outcome, enhanced_code, sum(attempts), sum(events) "+
		"FROM attempts_5m WHERE host IN ("+h.logHosts()+") GROUP BY 1, 2, 3, 4")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 6 {
			return fmt.Errorf("a row of the rollup: %q", line)
		}
		start, err1 := strconv.ParseInt(f[0], 10, 64)
		attempts, err2 := strconv.Atoi(f[4])
		events, err3 := strconv.Atoi(f[5])
		if err1 != nil || err2 != nil || err3 != nil {
			return fmt.Errorf("a row of the rollup: %q", line)
		}
		s.rollup[bucket{start, f[1], f[2], f[3]}] = sums{attempts, events}
	}
	return nil
}

// logHosts are the hosts that the log lines name.
func (h *house) logHosts() string {
	var all []string
	for _, w := range h.logs {
		all = append(all, "'"+w.log.host+"'")
	}
	return strings.Join(all, ", ")
}

func (h *house) readReport(ctx context.Context, s *stored) error {
	out, err := h.output(ctx, h.command("report", append(h.where(), "--json", "--since", "all")...))
	if err != nil {
		return err
	}
	var r struct {
		Providers []struct {
			Provider string `json:"provider"`
			answers
		} `json:"providers"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return fmt.Errorf("report --json: %w", err)
	}
	for _, p := range r.Providers {
		s.report[p.Provider] = p.answers
	}
	return nil
}

// count asks how many attempts are stored, each once, and remembers it.
func (h *house) count(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := h.ask(ctx, "SELECT uniqExact(source, recipient, time) FROM events")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(out))
	if err == nil {
		h.stored.Store(int64(n))
	}
	return n, err
}

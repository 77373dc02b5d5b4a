// Package report answers the postmaster's first question from ClickHouse:
// which providers defer or refuse our mail, with which codes, since when, and
// why. It reads only. The figures are sums of the column counted, which are the
// attempts in the logs; beside them stands what mails say of messages that were
// delivered first (claims.go).
package report

import (
	"context"
	"fmt"
	"math"
	"sort"
	"time"
)

// DB runs SELECT statements; dest is a pointer to a slice of structs whose
// ch tags name the columns.
type DB interface {
	Select(ctx context.Context, dest any, sql string, args ...any) error
}

// Report is what is printed: as tables, or as JSON under these names.
type Report struct {
	Since       time.Time  `json:"since"`
	Until       time.Time  `json:"until"`
	Providers   []Provider `json:"providers"`
	Refusals    []Refusal  `json:"refusals"`
	Inbound     []Inbound  `json:"inbound"`
	Claims      Claims     `json:"claims"`
	DeadLetters uint64     `json:"dead_letters"`     // records of any time that could not be read or stored
	Latest      *time.Time `json:"latest,omitempty"` // the newest event there is, where the time asked for has none
}

// Provider is one mailbox provider's answers to our attempts. Delivered,
// deferred, bounced and expired add up to attempts; hops to our own content
// filters are left out.
type Provider struct {
	Provider  string   `json:"provider"` // "" for all that are not known by name
	Attempts  uint64   `json:"attempts"`
	Delivered uint64   `json:"delivered"`
	Deferred  uint64   `json:"deferred"`
	Bounced   uint64   `json:"bounced"`
	Expired   uint64   `json:"expired"`
	TopClass  string   `json:"top_class,omitempty"` // commonest class of those not delivered
	Code571   uint64   `json:"code_5_7_1"`          // answers with enhanced code 5.7.1
	DelayP50  *float64 `json:"delay_p50,omitempty"` // seconds from arrival to delivery
	DelayP95  *float64 `json:"delay_p95,omitempty"`
}

// Refusal is one wording of a provider's, its variable parts folded.
type Refusal struct {
	Provider     string    `json:"provider" ch:"provider"`
	Class        string    `json:"class" ch:"class"`
	ReplyCode    uint16    `json:"reply_code" ch:"reply_code"`
	EnhancedCode string    `json:"enhanced_code" ch:"enhanced_code"`
	Template     string    `json:"template" ch:"template"`
	Example      string    `json:"example" ch:"example"` // the newest reply of this wording, as it was
	Count        uint64    `json:"count" ch:"n"`
	First        time.Time `json:"first_seen" ch:"first"`
	Last         time.Time `json:"last_seen" ch:"last"`
}

// Inbound is one reason for which our servers refused clients.
type Inbound struct {
	Class   string    `json:"class" ch:"class"`
	Count   uint64    `json:"count" ch:"n"`
	Clients uint64    `json:"clients" ch:"clients"` // different client addresses
	Last    time.Time `json:"last_seen" ch:"last"`
}

// maxRefusals is how many wordings a report lists.
const maxRefusals = 20

// Make asks db for the report of [since, until). With believe all bounce mails
// and complaints are taken at their word. What they say must not keep the
// attempts' figures from anyone: an error of their part stands in the report.
func Make(ctx context.Context, db DB, since, until time.Time, believe bool) (*Report, error) {
	r := &Report{Since: since.UTC(), Until: until.UTC(), Providers: []Provider{}, Refusals: []Refusal{},
		Inbound: []Inbound{}}
	if err := r.providers(ctx, db); err != nil {
		return nil, fmt.Errorf("report of providers: %w", err)
	}
	if err := db.Select(ctx, &r.Refusals, refusalsSQL, r.Since, r.Until, maxRefusals); err != nil {
		return nil, fmt.Errorf("report of refusals: %w", err)
	}
	if err := db.Select(ctx, &r.Inbound, inboundSQL, r.Since, r.Until); err != nil {
		return nil, fmt.Errorf("report of inbound refusals: %w", err)
	}
	if err := r.claims(ctx, db, believe); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		r.Claims = Claims{Believed: believe, Error: err.Error()}
	}
	var dead []struct {
		N uint64 `ch:"n"`
	}
	if err := db.Select(ctx, &dead, `SELECT count() AS n FROM bouncehouse.dead_letters FINAL`); err != nil {
		return nil, fmt.Errorf("count the dead letters: %w", err)
	}
	r.DeadLetters = dead[0].N
	if len(r.Providers) > 0 || len(r.Inbound) > 0 || len(r.Claims.Providers) > 0 {
		return r, nil
	}
	var latest []struct {
		Time time.Time `ch:"latest"`
		N    uint64    `ch:"n"`
	}
	if err := db.Select(ctx, &latest, `SELECT max(time) AS latest, count() AS n FROM bouncehouse.events`); err != nil {
		return nil, fmt.Errorf("look for the newest event: %w", err)
	}
	if latest[0].N > 0 {
		r.Latest = &latest[0].Time
	}
	return r, nil
}

// None of these looks at claims: not even as the last of a kind that was seen.
const outboundSQL = `SELECT provider, class, outcome, sum(counted) AS n, sumIf(counted, enhanced_code = '5.7.1') AS n571
FROM bouncehouse.events
WHERE time >= $1 AND time < $2 AND NOT claim AND direction = 'outbound' AND outcome IN ('delivered', 'deferred', 'bounced', 'expired')
GROUP BY provider, class, outcome HAVING n > 0`

// The quantiles are exact, so that they do not depend on how the rows lie in
// parts, as a digest's do; by weight it keeps each different delay once, and
// logs round those to two or three digits.
const delaySQL = `SELECT provider, quantilesExactWeighted(0.5, 0.95)(assumeNotNull(delay), counted) AS q
FROM bouncehouse.events
WHERE time >= $1 AND time < $2 AND NOT claim AND direction = 'outbound' AND outcome = 'delivered' AND counted = 1 AND delay IS NOT NULL
GROUP BY provider`

const refusalsSQL = `SELECT provider, class, reply_code, enhanced_code, template, argMax(reply_text, (time, reply_text)) AS example,
  sum(counted) AS n, min(time) AS first, max(time) AS last
FROM bouncehouse.events
WHERE time >= $1 AND time < $2 AND NOT claim AND direction = 'outbound' AND outcome IN ('deferred', 'bounced', 'expired')
GROUP BY provider, class, reply_code, enhanced_code, template HAVING n > 0
ORDER BY n DESC, last DESC, template LIMIT $3`

const inboundSQL = `SELECT class, sum(counted) AS n, uniqExact(remote_ip) AS clients, max(time) AS last
FROM bouncehouse.events
WHERE time >= $1 AND time < $2 AND NOT claim AND direction = 'inbound'
GROUP BY class HAVING n > 0 ORDER BY n DESC, class`

func (r *Report) providers(ctx context.Context, db DB) error {
	var rows []struct {
		Provider string `ch:"provider"`
		Class    string `ch:"class"`
		Outcome  string `ch:"outcome"`
		N        uint64 `ch:"n"`
		N571     uint64 `ch:"n571"`
	}
	if err := db.Select(ctx, &rows, outboundSQL, r.Since, r.Until); err != nil {
		return err
	}
	var delays []struct {
		Provider  string    `ch:"provider"`
		Quantiles []float32 `ch:"q"`
	}
	if err := db.Select(ctx, &delays, delaySQL, r.Since, r.Until); err != nil {
		return err
	}
	byName := map[string]*Provider{}
	classes := map[string]map[string]uint64{}
	for _, row := range rows {
		p := byName[row.Provider]
		if p == nil {
			p = &Provider{Provider: row.Provider}
			byName[row.Provider], classes[row.Provider] = p, map[string]uint64{}
		}
		p.Attempts += row.N
		p.Code571 += row.N571
		switch row.Outcome {
		case "delivered":
			p.Delivered += row.N
			continue
		case "deferred":
			p.Deferred += row.N
		case "bounced":
			p.Bounced += row.N
		case "expired":
			p.Expired += row.N
		}
		classes[row.Provider][row.Class] += row.N
	}
	for _, d := range delays {
		if p := byName[d.Provider]; p != nil && len(d.Quantiles) == 2 {
			p50, p95 := milli(d.Quantiles[0]), milli(d.Quantiles[1])
			p.DelayP50, p.DelayP95 = &p50, &p95
		}
	}
	for name, p := range byName {
		var most uint64
		for class, n := range classes[name] {
			if n > most || n == most && class < p.TopClass {
				p.TopClass, most = class, n
			}
		}
		r.Providers = append(r.Providers, *p)
	}
	sort.Slice(r.Providers, func(i, j int) bool {
		a, b := &r.Providers[i], &r.Providers[j]
		if a.Attempts != b.Attempts {
			return a.Attempts > b.Attempts
		}
		return a.Provider < b.Provider
	})
	return nil
}

// milli rounds seconds to the milliseconds that logs have.
func milli(s float32) float64 { return math.Round(float64(s)*1000) / 1000 }

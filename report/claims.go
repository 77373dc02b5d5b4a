package report

import (
	"context"
	"sort"
)

// Claims is what bounce mails and complaints say. Anyone can send these: only
// what proves that it answers mail of ours is counted, once for each message and
// recipient, and never among the attempts.
type Claims struct {
	Believed  bool             `json:"believed"`        // at their word: bounces.trust is all
	Error     string           `json:"error,omitempty"` // why none of these figures is known
	Providers []ProviderClaims `json:"providers"`       // null with an error
	Unproved  Unproved         `json:"unproved"`
	// Misnamed is how many bounce mails answer mail of ours, by its attempts,
	// that passed no server of ours by the names that are configured.
	Misnamed uint64 `json:"misnamed,omitempty"`
}

// ProviderClaims is what came of mail that a provider had taken.
type ProviderClaims struct {
	Provider    string `json:"provider"`
	LateBounces uint64 `json:"late_bounces"` // bounced after delivery
	TopClass    string `json:"top_class,omitempty"`
	Complaints  uint64 `json:"complaints"`
}

// Unproved is how many mails prove nothing, and are not counted.
type Unproved struct {
	BounceMails uint64 `json:"bounce_mails" ch:"bounce_mails"`
	Complaints  uint64 `json:"complaints" ch:"complaints"`
}

const lateSQL = `SELECT provider, class, count() AS n FROM bouncehouse.late_bounces
WHERE time >= $1 AND time < $2 GROUP BY provider, class`

const complaintsSQL = `SELECT provider, '' AS class, count() AS n FROM bouncehouse.complaints
WHERE time >= $1 AND time < $2 GROUP BY provider`

// believedSQL takes the claims as the views above do, but for the proof.
const believedSQL = `SELECT provider, class, count() AS n FROM (
  SELECT argMin(c.provider, (c.time, c.event_id)) AS provider, argMin(c.class, (c.time, c.event_id)) AS class, min(c.time) AS first
  FROM bouncehouse.claims AS c WHERE counts_as = $3 GROUP BY message, addressee)
WHERE first >= $1 AND first < $2 GROUP BY provider, class`

const mailsSQL = `SELECT uniqExactIf((stream, file_id, offset), NOT verified AND counts_as = 'late bounce') AS bounce_mails,
  uniqExactIf((stream, file_id, offset), NOT verified AND counts_as = 'complaint') AS complaints,
  uniqExactIf((stream, file_id, offset), cites_attempt AND dsn_origin = 'backscatter') AS misnamed
FROM bouncehouse.claims WHERE time >= $1 AND time < $2`

// claims leaves r.Claims as it is where it returns an error.
func (r *Report) claims(ctx context.Context, db DB, believe bool) error {
	type row struct {
		Provider string `ch:"provider"`
		Class    string `ch:"class"`
		N        uint64 `ch:"n"`
	}
	var late, complaints []row
	claims := Claims{Believed: believe, Providers: []ProviderClaims{}}
	if believe {
		if err := db.Select(ctx, &late, believedSQL, r.Since, r.Until, "late bounce"); err != nil {
			return err
		}
		if err := db.Select(ctx, &complaints, believedSQL, r.Since, r.Until, "complaint"); err != nil {
			return err
		}
	} else {
		if err := db.Select(ctx, &late, lateSQL, r.Since, r.Until); err != nil {
			return err
		}
		if err := db.Select(ctx, &complaints, complaintsSQL, r.Since, r.Until); err != nil {
			return err
		}
		var mails []struct {
			Unproved
			Misnamed uint64 `ch:"misnamed"`
		}
		if err := db.Select(ctx, &mails, mailsSQL, r.Since, r.Until); err != nil {
			return err
		}
		claims.Unproved, claims.Misnamed = mails[0].Unproved, mails[0].Misnamed
	}
	byName := map[string]*ProviderClaims{}
	of := func(name string) *ProviderClaims {
		if byName[name] == nil {
			byName[name] = &ProviderClaims{Provider: name}
		}
		return byName[name]
	}
	most := map[string]uint64{}
	for _, l := range late {
		p := of(l.Provider)
		p.LateBounces += l.N
		if l.N > most[l.Provider] || l.N == most[l.Provider] && l.Class < p.TopClass {
			p.TopClass, most[l.Provider] = l.Class, l.N
		}
	}
	for _, c := range complaints {
		of(c.Provider).Complaints += c.N
	}
	for _, p := range byName {
		claims.Providers = append(claims.Providers, *p)
	}
	sort.Slice(claims.Providers, func(i, j int) bool {
		a, b := &claims.Providers[i], &claims.Providers[j]
		if a.LateBounces+a.Complaints != b.LateBounces+b.Complaints {
			return a.LateBounces+a.Complaints > b.LateBounces+b.Complaints
		}
		return a.Provider < b.Provider
	})
	r.Claims = claims
	return nil
}

package report

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// slow answers every question with a row of zeros, but for those about claims, which fail.
type slow struct{ end context.CancelFunc }

func (s slow) Select(_ context.Context, dest any, sql string, _ ...any) error {
	for _, view := range []string{"late_bounces", "complaints", "claims"} {
		if strings.Contains(sql, "bouncehouse."+view) {
			s.end()
			return errors.New("Timeout exceeded")
		}
	}
	rows := reflect.ValueOf(dest).Elem()
	rows.Set(reflect.Append(rows, reflect.Zero(rows.Type().Elem())))
	return nil
}

// The figures of the attempts are there whatever becomes of what mails say; a report that was given up is none.
func TestMakeWithoutClaims(t *testing.T) {
	for _, believe := range []bool{false, true} {
		r, err := Make(t.Context(), slow{func() {}}, time.Unix(0, 0), time.Unix(1, 0), believe)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Providers) != 1 || r.Claims.Error != "Timeout exceeded" || r.Claims.Providers != nil ||
			r.Claims.Believed != believe {
			t.Errorf("%+v", r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := Make(ctx, slow{cancel}, time.Unix(0, 0), time.Unix(1, 0), believe); err == nil {
			t.Error("a report that was given up")
		}
	}
}

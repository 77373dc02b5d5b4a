package engine_test

import (
	"net/url"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse/engine"
)

func TestSmoke(t *testing.T) {
	_, c := up(t)
	w := open(t, options(c.Endpoint(), engine.Writer))
	if got := value[uint8](t, w, "SELECT 1"); got != 1 {
		t.Fatal(got)
	}
	exec1(t, w, "CREATE DATABASE bouncehouse")
	exec1(t, w, "CREATE TABLE bouncehouse.e (a UInt64, s String) ENGINE=MergeTree ORDER BY a")
	b, err := w.PrepareBatch(t.Context(), "INSERT INTO bouncehouse.e")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200000 {
		if err := b.Append(uint64(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	if got := value[uint64](t, w, "SELECT count() FROM bouncehouse.e WHERE a < {n:UInt64}", clickhouse.Named("n", "100")); got != 100 {
		t.Fatal(got)
	}
	code, body, h := post(t, c.Endpoint(), engine.Reader, url.Values{"query": {"SELECT count() FROM bouncehouse.e"}}, "")
	t.Log(code, body, h)
}

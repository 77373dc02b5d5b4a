#!/usr/bin/env bash
# All Go benchmarks, then the comparisons in bench.d/: the same input through other tools. BENCH and BENCHTIME narrow the former.
. "$(dirname "$0")/lib.sh"
cd "$top"

[ -n "${CHDB_LIB_PATH:-}" ] || export CHDB_LIB_PATH=$cache/engine/libchdb.so
go test -run '^$' -bench "${BENCH:-.}" -benchtime "${BENCHTIME:-1s}" -benchmem ./...
echo
echo "A failed reply to its class: under 3,000 ns/reply where its template was not seen before (Cold), under 300 where it was (Seen)."
go test -run '^$' -bench '^BenchmarkClassify(Cold|Seen|ColdTwiceTheRules|ColdOwnMatch)$' -benchtime "${BENCHTIME:-1s}" -benchmem -cpu 1 ./enrich
for comparison in scripts/bench.d/*.sh; do
	echo
	"$comparison"
done

#!/usr/bin/env bash
# A Postfix log to rows in the embedded ClickHouse: the whole pipeline, the median of five runs on fresh state.
# With BASE=COMMIT that commit runs the same log, turn about, and the ratio of the two medians is told.
. "$(dirname "$0")/../lib.sh"
cd "$top"

log=$(bench_log)
lines=$(wc -l <"$log")
work=$(mktemp -d "$cache/bench/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CHDB_LIB_PATH=${CHDB_LIB_PATH:-$cache/engine/libchdb.so}

# once BINARY: the seconds that run tells. The engine's first start, which makes the tables, is not among them.
once() {
	"$1" run --once --state "$work/state" "$log" 2>&1 | sed -nE 's/.* in ([0-9.]+)s$/\1/p'
	rm -rf "$work/state"
}
median() { sort -n "$1" | sed -n 3p; }

if [ -n "${BASE:-}" ]; then
	mkdir "$work/src"
	git archive "$BASE" | tar -x -C "$work/src"
	(cd "$work/src" && CGO_ENABLED=0 go build -trimpath -o "$work/base" ./cmd/bouncehouse)
fi
for _ in 1 2 3 4 5; do
	once bin/bouncehouse >>"$work/now"
	[ -z "${BASE:-}" ] || once "$work/base" >>"$work/before"
done
[ "$(wc -l <"$work/now")" = 5 ] || die "run failed"
awk -v lines="$lines" -v s="$(median "$work/now")" 'BEGIN { printf "File to rows in the embedded ClickHouse: %.0f lines/s (%d lines in %s s)\n", lines / s, lines, s }'
[ -z "${BASE:-}" ] || awk -v now="$(median "$work/now")" -v before="$(median "$work/before")" -v base="$BASE" \
	'BEGIN { printf "%s: %s s; now / before: %.3f of its speed\n", base, before, before / now }'

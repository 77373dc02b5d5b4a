#!/usr/bin/env bash
# A Postfix log to rows in the embedded ClickHouse: the whole pipeline, the median of five runs on fresh state. Four million
# lines, so that a start, told by itself, weighs little.
# With BASE=COMMIT that commit runs the same log, turn about, and the ratio of the two medians is told, of time and of
# processor time: the latter is the one to believe where others use the machine.
. "$(dirname "$0")/../lib.sh"
cd "$top"

work=$(mktemp -d "$cache/bench/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/mail.log
for _ in 1 2 3 4; do cat "$(bench_log)"; done >"$log"
lines=$(wc -l <"$log")
export CHDB_LIB_PATH=${CHDB_LIB_PATH:-$cache/engine/libchdb.so}

# once BINARY NAME: the seconds that run tells, into NAME, all processor time, into NAME.cpu, and the seconds of a start with
# nothing to read, into NAME.start. The first start, which makes the tables, comes before.
once() {
	local TIMEFORMAT=%R
	"$1" run --once --state "$work/state" "$work/first" >"$work/out" 2>&1
	{ time "$1" run --once --state "$work/state" "$work/first" >"$work/out" 2>&1; } 2>>"$work/$2.start"
	TIMEFORMAT='%U %S'
	{ time "$1" run --once --state "$work/state" "$log" >"$work/out" 2>&1; } 2>"$work/times"
	sed -nE 's/.* in ([0-9.]+)s$/\1/p' "$work/out" >>"$work/$2"
	awk '{ print $1 + $2 }' "$work/times" >>"$work/$2.cpu"
	rm -rf "$work/state"
}
head -1 "$log" >"$work/first"
median() { sort -n "$work/$1" | sed -n 3p; }

if [ -n "${BASE:-}" ]; then
	mkdir "$work/src"
	git archive "$BASE" | tar -x -C "$work/src"
	(cd "$work/src" && CGO_ENABLED=0 go build -trimpath -o "$work/base" ./cmd/bouncehouse)
fi
for _ in 1 2 3 4 5; do
	once bin/bouncehouse now
	[ -z "${BASE:-}" ] || once "$work/base" before
done
[ "$(wc -l <"$work/now")" = 5 ] || die "run failed"
awk -v lines="$lines" -v s="$(median now)" -v start="$(median now.start)" 'BEGIN {
	printf "File to rows in the embedded ClickHouse: %.0f lines/s (%d lines in %s s; a start with nothing to read: %s s)\n", lines / s, lines, s, start }'
[ -z "${BASE:-}" ] || awk -v now="$(median now)" -v before="$(median before)" -v base="$BASE" \
	-v cpu="$(median now.cpu)" -v cpubefore="$(median before.cpu)" -v start="$(median before.start)" 'BEGIN {
	printf "%s: %s s, start %s s; now / before: %.3f of its speed, %.3f of its processor time (%.1f s, %.1f s before)\n", \
		base, before, start, before / now, cpu / cpubefore, cpu, cpubefore }'

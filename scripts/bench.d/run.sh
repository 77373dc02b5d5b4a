#!/usr/bin/env bash
# A Postfix log to rows in the embedded ClickHouse: the whole pipeline, the median of three runs on fresh state.
. "$(dirname "$0")/../lib.sh"
cd "$top"

log=$(bench_log)
lines=$(wc -l <"$log")
state=$(mktemp -d "$cache/bench/state.XXXXXX")
trap 'rm -rf "$state"' EXIT
export CHDB_LIB_PATH=${CHDB_LIB_PATH:-$cache/engine/libchdb.so}

# The engine's first start, which makes the tables, is not in the time that run tells.
seconds=$(for i in 1 2 3; do
	bin/bouncehouse run --once --state "$state/$i" "$log" 2>&1 | sed -nE 's/.* in ([0-9.]+)s$/\1/p'
done | sort -n | sed -n 2p)
[ -n "$seconds" ] || die "run failed"
awk -v lines="$lines" -v s="$seconds" 'BEGIN { printf "File to rows in the embedded ClickHouse: %.0f lines/s (%d lines in %s s)\n", lines / s, lines, s }'

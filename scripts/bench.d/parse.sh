#!/usr/bin/env bash
# Postfix lines to events, beside tools that read the same log: about a million lines, the demo's log over and over.
. "$(dirname "$0")/../lib.sh"
cd "$top"

log=$(bench_log)
lines=$(wc -l <"$log")
echo "Postfix log of $lines lines, $(($(stat -c %s "$log") / 1000000)) MB, on $(nproc) cores"

# took TITLE COMMAND...: lines a second of wall clock and the processor time, of the second of two runs.
took() {
	local title=$1 out TIMEFORMAT='%R %U %S'
	shift
	"$@" <"$log" >/dev/null 2>&1 || die "$title failed"
	out=$({ time "$@" <"$log" >/dev/null 2>&1; } 2>&1)
	awk -v title="$title" -v lines="$lines" '{ printf "  %-24s %12.0f lines/s   %6.2f s of processor time\n", title, lines / ($1 > 0 ? $1 : 0.001), $2 + $3 }' <<<"$out"
}

took "bouncehouse parse" bin/bouncehouse parse --format postfix --host mx1 "$log"
took "wc -l" wc -l
if (need pflogsumm pflogsumm); then
	took pflogsumm pflogsumm
fi

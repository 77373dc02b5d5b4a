#!/usr/bin/env bash
# The whole pipeline on the sample logs of the project, or on those named in LOGS, and the report of it.
. "$(dirname "$0")/lib.sh"
cd "$top"

[ -n "${CHDB_LIB_PATH:-}" ] || export CHDB_LIB_PATH=$cache/engine/libchdb.so
if [ -n "${LOGS:-}" ]; then
	# A state directory for each set of logs: a second run goes on where the first stopped.
	state=.cache/demo-$(printf %s "$LOGS" | cksum | cut -d ' ' -f 1)
	read -r -a paths <<<"$LOGS"
else
	state=.cache/demo
	rm -rf "$state"
	mapfile -t paths < <(find testdata/demo -mindepth 1 -maxdepth 1 ! -name '*.md' ! -name '.*' | sort)
fi
since=${SINCE:-all}

# show COMMAND...: as it would be typed, then what it says.
show() {
	printf '+ %s\n' "${*@Q}" | sed "s:'\([A-Za-z0-9_./=-]*\)':\1:g"
	"$@"
	echo
}

show bin/bouncehouse run --once --state "$state" "${paths[@]}"
show bin/bouncehouse report --state "$state" --since "$since"
[ -z "${LOGS:-}" ] || exit 0
show bin/bouncehouse query --state "$state" "SELECT source, count() AS events, sum(counted) AS attempts, uniqExact(provider) AS providers FROM events GROUP BY source ORDER BY events DESC"
event=$(bin/bouncehouse query --state "$state" --format TSV "SELECT event_id FROM events WHERE provider = 'microsoft' AND provider_code != '' ORDER BY time, event_id LIMIT 1")
show bin/bouncehouse explain --state "$state" --event "$event"

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

echo "+ bin/bouncehouse run --once --state $state ${paths[*]}"
bin/bouncehouse run --once --state "$state" "${paths[@]}"
echo "+ bin/bouncehouse report --state $state --since $since"
bin/bouncehouse report --state "$state" --since "$since"

#!/usr/bin/env bash
# The torture of test/torture: FAULTS faults, of SEED, with further flags in ARGS. It leaves the machine usable for others.
. "$(dirname "$0")/lib.sh"
cd "$top"

read -ra args <<<"${ARGS:-}"
BOUNCEHOUSE_BIN=${BOUNCEHOUSE_BIN:-$top/bin/bouncehouse} exec nice \
	go test -count=1 -v -timeout 0 -run TestTorture ./test/torture -args -faults "${FAULTS:-1000}" -seed "${SEED:-0}" "${args[@]}" </dev/null

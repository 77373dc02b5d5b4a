#!/usr/bin/env bash
# All tests, with every real part that this machine can have; the last lines say what was tried and what was not.
# BOUNCEHOUSE_REQUIRE=all (or a list of parts) makes a part left out a failure.
. "$(dirname "$0")/lib.sh"
cd "$top"

if ! scripts/setup.sh && [ -n "${BOUNCEHOUSE_REQUIRE:-}" ]; then
	die "a required part could not be set up"
fi

BOUNCEHOUSE_PARTS=$(mktemp)
trap 'rm -f "$BOUNCEHOUSE_PARTS"' EXIT
export BOUNCEHOUSE_PARTS

race=-race
if ! have gcc; then
	race=
	printf 'left out\trace detector\tno C compiler\n' >>"$BOUNCEHOUSE_PARTS"
fi

# The one binary that all end-to-end tests of this run use: test.Bouncehouse.
CGO_ENABLED=0 go build -trimpath -o .cache/test/bouncehouse ./cmd/bouncehouse
export BOUNCEHOUSE_BIN=$top/.cache/test/bouncehouse

status=0
# The longest first, so that none is left running alone.
go test $race -shuffle=on -count=1 -timeout "${TEST_TIMEOUT:-25m}" ./test ./ingest ./sink ./engine ./... </dev/null || status=1
if [ -n "$race" ]; then # what measures work leaves itself out under the race detector
	go test -count=1 -run 'Work|Hostile' ./parse ./parse/bounce </dev/null || status=1
fi
# By itself: it keeps the machine busy for two minutes.
BOUNCEHOUSE_TORTURE=1 go test -count=1 -timeout 15m -run TestTorture ./test/torture </dev/null || status=1
scripts/fuzz.sh 2000x || status=1

# report PREFIX TITLE: the parts noted by the tests (part.go), each once.
report() {
	sort -u "$BOUNCEHOUSE_PARTS" | awk -F '\t' -v prefix="$1" -v title="$2" \
		'$1 == prefix { if (!n++) print title; printf "  %s: %s\n", $2, $3 }'
}
echo
report tried "Real parts that were tried:"
report "left out" "NOT tried on this machine:"
for part in engine kafka postfix exim opensmtpd sendmail; do
	cut -f 2 "$BOUNCEHOUSE_PARTS" | grep -qx "$part" && continue
	echo "NOT tried: $part (no test got as far as asking for it)"
	case ,${BOUNCEHOUSE_REQUIRE:-}, in
	*,all,* | *,$part,*) status=1 ;;
	esac
done
[ $status = 0 ] && echo "All tests passed." || echo "Tests FAILED."
exit $status

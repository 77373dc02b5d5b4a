#!/usr/bin/env bash
# Every part that the tests need. What this machine cannot have is said and left out; the exit status is then 1.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
failed=
"$here/engine.sh" || failed="$failed engine"
for version in "" ${KAFKA_ALSO:-}; do # "" is the default
	KAFKA_VERSION=$version "$here/kafka.sh" || failed="$failed kafka${version:+-$version}"
done
"$here/rootfs.sh" ${MTAS:-postfix exim opensmtpd sendmail} || failed="$failed rootfs"
(need gcc gcc libc6-dev) || failed="$failed gcc"
# Every module that the build or a test needs: tests in a network of their own build, too, and can fetch nothing then.
# (Not `go mod download`: that writes to go.sum.)
quietly "fetching Go modules" limited 600 go list -deps -test ./... || failed="$failed modules"
[ -z "$failed" ] || die "not set up:$failed"

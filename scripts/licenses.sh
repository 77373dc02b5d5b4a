#!/usr/bin/env bash
# Every module that is built into bouncehouse has a licence that goes with Apache-2.0. What a module says of itself is
# taken for true: whether a port may bear its licence has to be read when it is added (CONTRIBUTING.md).
. "$(dirname "$0")/lib.sh"
cd "$top"

go_tool go-licenses github.com/google/go-licenses@v1.6.0
# segmentio/asm is under MIT No Attribution, which the tool does not know.
out=$(go-licenses check ./cmd/bouncehouse --allowed_licenses=Apache-2.0,MIT,BSD-2-Clause,BSD-3-Clause,ISC \
	--ignore github.com/segmentio/asm 2>&1) || die "a licence that may not be:
$(grep -E '^(Not allowed|E)' <<<"$out")"
say "all licences are good"

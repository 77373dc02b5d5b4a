#!/usr/bin/env bash
# gofmt, go vet, staticcheck.
. "$(dirname "$0")/lib.sh"
cd "$top"

unformatted=$(git ls-files --cached --others --exclude-standard '*.go' | xargs -r gofmt -l)
[ -z "$unformatted" ] || die "gofmt would change: $unformatted"
go vet ./...
go_tool staticcheck honnef.co/go/tools/cmd/staticcheck@v0.8.2
staticcheck ./...

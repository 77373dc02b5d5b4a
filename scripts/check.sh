#!/usr/bin/env bash
# The checks before a commit: form, vet, staticcheck, unit tests.
. "$(dirname "$0")/lib.sh"
cd "$top"

scripts/lint.sh
go test -short ./...

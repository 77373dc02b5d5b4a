#!/usr/bin/env bash
# Every fuzz target of every package, each for the time, or the number of executions (2000x), given (30s).
. "$(dirname "$0")/lib.sh"
cd "$top"

for package in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do
	dir=$(go list -f '{{.Dir}}' "$package")
	grep -qs '^func Fuzz' "$dir"/*_test.go || continue
	# The list comes from the test binary, so that build constraints count.
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		say "$package $target"
		quietly "$package $target" go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-30s}" -fuzzminimizetime 1s "$package" || failed=1
	done
done
[ -z "${failed:-}" ]

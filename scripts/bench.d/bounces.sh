#!/usr/bin/env bash
# Bounce mails to events, from memory, on one core: our own golden mails; with CORPUS, the mails of a corpus too.
. "$(dirname "$0")/../lib.sh"
cd "$top"

if [ -n "${CORPUS:-}" ]; then
	BOUNCEHOUSE_BENCH_MAILS=$(realpath "$CORPUS")
	[ -d "$BOUNCEHOUSE_BENCH_MAILS/dsn/mails" ] && BOUNCEHOUSE_BENCH_MAILS+=/dsn/mails
	export BOUNCEHOUSE_BENCH_MAILS
fi
echo "Bounce mails on one core (Bounces: the mails of ${BOUNCEHOUSE_BENCH_MAILS:-CORPUS=DIR, which is not given})"
go test ./parse/bounce -run '^$' -bench '^Benchmark(Bounces|DSNGoldens)$' -cpu 1 -benchtime "${BENCHTIME:-3s}" | grep -E '^(Benchmark|FAIL|panic)'

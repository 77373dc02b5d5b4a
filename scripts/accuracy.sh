#!/usr/bin/env bash
# Scores `bouncehouse parse` and `classify` against a corpus of samples with the truth beside them. The corpus is no part of the project: CORPUS
# names it. It holds logs/MTA/, formats/, dsn/, replies/, each with expected.jsonl, and in score/ the programs that compare.
. "$(dirname "$0")/lib.sh"
cd "$top"

[ -n "${CORPUS:-}" ] || die 'name the corpus: make accuracy CORPUS=DIR (it is no part of the project)'
[ -d "$CORPUS/score" ] || die "$CORPUS has no score/: not a corpus that this can score"
need python3 python3-minimal

got=$(mktemp)
trap 'rm -f "$got"' EXIT
status=0

# score TITLE PROGRAM ARGUMENT...
score() {
	echo "== $1"
	python3 "$CORPUS/score/$2" "${@:3}" || status=1
}

for truth in "$CORPUS"/logs/*/expected.jsonl; do
	[ -f "$truth" ] || continue
	dir=$(dirname "$truth")
	mapfile -t files < <(sed -n 's/.*"file": *"\([^"]*\)".*/\1/p' "$truth" | sort -u)
	if ! bin/bouncehouse parse --host mx1 --timezone UTC "${files[@]/#/$dir/}" >"$got"; then
		say "parse failed on $dir"
		status=1
		continue
	fi
	score "$dir" logs.py --truth "$truth" --got "$got" --worst "${WORST:-0}"
done
if [ -f "$CORPUS/dsn/expected.jsonl" ]; then
	bin/bouncehouse parse --format dsn "$CORPUS"/dsn/mails/*.eml >"$got" || status=1
	score "$CORPUS/dsn" dsn.py --truth "$CORPUS/dsn/expected.jsonl" --got "$got"
fi
if [ -d "$CORPUS/formats" ]; then
	score "$CORPUS/formats" formats.py --truth "$CORPUS/formats" --cmd 'bin/bouncehouse parse'
fi
if [ -f "$CORPUS/replies/replies.jsonl" ] && bin/bouncehouse classify --help >/dev/null 2>&1; then
	score "$CORPUS/replies" replies.py --corpus "$CORPUS/replies/replies.jsonl" --cmd 'bin/bouncehouse classify --json'
fi
exit $status

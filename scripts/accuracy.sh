#!/usr/bin/env bash
# Scores `bouncehouse parse` and `classify` against a corpus of samples with the truth beside them. The corpus is no part of the project: CORPUS
# names it. It holds logs/MTA/, formats/, dsn/, replies/, each with expected.jsonl, and in score/ the programs that compare.
#
# First comes a summary, a line for each part; the exit status is 1 where a part is below its floor.
. "$(dirname "$0")/lib.sh"
cd "$top"

[ -n "${CORPUS:-}" ] || die 'name the corpus: make accuracy CORPUS=DIR (it is no part of the project)'
[ -d "$CORPUS/score" ] || die "$CORPUS has no score/: not a corpus that this can score"
need python3 python3-minimal

# The formats that bouncehouse reads, of those that the corpus has; the others are scored apart, without a floor.
known=' postfix-agents postfix-inbound postfix-wrapped exim-cpanel qmail exchange-tracking exchange-protocol hmailserver hmailserver-bounce powermta kumomta haraka zonemta courier mdaemon eyoumail coremail winmail cn-bounce qmail-bounce ndr no-results '

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# score PART PROGRAM ARGUMENT...: what the program says goes to a file of the part's name. It has no floors of its own here.
score() {
	python3 "$CORPUS/score/$2" "${@:3}" >"$work/$1" 2>&1 || echo "$2 ended with status $?" >>"$work/$1"
}

for truth in "$CORPUS"/logs/*/expected.jsonl; do
	[ -f "$truth" ] || continue
	dir=$(dirname "$truth")
	mapfile -t files < <(sed -n 's/.*"file": *"\([^"]*\)".*/\1/p' "$truth" | sort -u)
	bin/bouncehouse parse --host mx1 --timezone UTC "${files[@]/#/$dir/}" >"$work/got" || die "parse failed on $dir"
	score "logs $(basename "$dir")" logs.py --truth "$truth" --got "$work/got" --worst "${WORST:-0}"
done
if [ -f "$CORPUS/dsn/expected.jsonl" ]; then
	bin/bouncehouse parse --format dsn "$CORPUS"/dsn/mails/*.eml >"$work/got" || die "parse failed on $CORPUS/dsn"
	score dsn dsn.py --truth "$CORPUS/dsn/expected.jsonl" --got "$work/got"
fi
if [ -d "$CORPUS/formats" ]; then
	ours=() others=()
	for dir in "$CORPUS"/formats/*/; do
		case $known in
		*" $(basename "$dir") "*) ours+=(--format "$(basename "$dir")") ;;
		*) others+=(--format "$(basename "$dir")") ;;
		esac
	done
	score formats formats.py --truth "$CORPUS/formats" --cmd 'bin/bouncehouse parse' "${ours[@]}"
	[ ${#others[@]} = 0 ] || score 'formats not read yet' formats.py --truth "$CORPUS/formats" --cmd 'bin/bouncehouse parse' "${others[@]}"
fi
if [ -f "$CORPUS/replies/replies.jsonl" ]; then
	score replies replies.py --corpus "$CORPUS/replies/replies.jsonl" --cmd 'bin/bouncehouse classify --json'
fi
python3 scripts/accuracy.py detect "$CORPUS" bin/bouncehouse "$known" >"$work/detection"

status=0
python3 scripts/accuracy.py summary "$work" || status=1
for part in "$work"/*; do
	[ "$part" = "$work/got" ] && continue
	echo
	echo "== $(basename "$part")"
	cat "$part"
done
exit $status

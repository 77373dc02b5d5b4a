# Shared by the set-up scripts: sourced, never run. Quiet when there is nothing to do.
# shellcheck shell=bash
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$top/.cache
mkdir -p "$cache"

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() {
	say "$*"
	exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# limited SECONDS COMMAND...: a download that hangs ends, so that set-up never does.
limited() {
	local seconds=$1
	shift
	timeout --kill-after=10 "$seconds" "$@" </dev/null
}

# quietly LABEL COMMAND...: shows what the command printed only when it failed.
quietly() {
	local label=$1 log
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	say "$label failed:"
	tail -n 25 "$log" >&2
	rm -f "$log"
	return 1
}

apt_options=(-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o Acquire::Retries=2 -o DPkg::Lock::Timeout=120)

# apt_update reads the package lists, once a day for all scripts. A list that cannot be had is no failure here: what
# is installed next may not need it.
apt_update() {
	local stamp=$cache/apt-updated
	[ -z "$(find "$stamp" -mmin -1440 2>/dev/null)" ] || return 0
	if quietly "apt-get update" limited 300 apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any update; then
		touch "$stamp"
	else
		say "going on with the package lists that are there"
	fi
}

# need COMMAND PACKAGE...: installs Debian's packages when the command is missing. Says so. As another user than
# root it says what to install instead.
need() {
	local command=$1
	shift
	have "$command" && return 0
	have apt-get || die "$command is missing, and so is apt-get: install $command by the means of your system"
	[ "$(id -u)" = 0 ] || die "$command is missing; as root: apt-get install --no-install-recommends $*"
	say "$command is missing: installing $* by apt-get"
	apt_update
	quietly "apt-get install $*" env DEBIAN_FRONTEND=noninteractive \
		timeout --kill-after=10 600 apt-get "${apt_options[@]}" install -y -q --no-install-recommends "$@" </dev/null
	have "$command" || die "$command is still missing after apt-get install $*"
}

# alone NAME: only one set-up of a part at a time; a second one waits and then finds it done.
alone() {
	exec 9>"$cache/$1.lock"
	flock --timeout 900 9 || die "another set-up of $1 has held $cache/$1.lock for 15 minutes"
}

# listed DIR PREFIX: every file in DIR has the SHA-256 that scripts/checksums gives for PREFIX/FILE. What a registry hands
# out is proved against a list that was read by people, before it is loaded or run.
listed() {
	local file sum wanted
	for file in "$1"/*; do
		wanted=$(awk -v name="$2/${file##*/}" '$2 == name { print $1 }' "$top/scripts/checksums")
		sum=$(sha256sum "$file" | cut -d ' ' -f 1)
		[ -n "$wanted" ] || die "$2/${file##*/} is not in scripts/checksums: if you trust what was fetched, add the line
$sum  $2/${file##*/}"
		[ "$sum" = "$wanted" ] || die "$2/${file##*/} is not what scripts/checksums says: it has the SHA-256 $sum, not $wanted"
	done
}

# go_tool NAME MODULE@VERSION: puts a Go program of that very version first in PATH, installing it when it is not there.
go_tool() {
	local bin=$cache/bin/${2##*/}
	if [ ! -x "$bin/$1" ]; then
		say "installing $2"
		quietly "go install $2" env GOBIN="$bin" timeout --kill-after=10 600 go install "$2" </dev/null || return 1
	fi
	PATH=$bin:$PATH
}

# bench_log: a Postfix log of about a million lines, the demo's over and over; prints its path.
bench_log() {
	local log=$cache/bench/mail.log times i
	if [ ! -s "$log" ]; then
		mkdir -p "$cache/bench"
		times=$((1000000 / $(wc -l <"$top/testdata/demo/mail.log") + 1))
		for ((i = 0; i < times; i++)); do cat "$top/testdata/demo/mail.log"; done >"$log.new"
		mv "$log.new" "$log"
	fi
	echo "$log"
}

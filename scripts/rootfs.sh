#!/usr/bin/env bash
# Root file systems with a mail server each, for the tests: .cache/rootfs/MTA, for every MTA named as an argument.
# The mail servers conflict as packages, and the machine may run one of its own: so none is installed on the machine,
# none is started, and nothing outside .cache/rootfs is written but debootstrap, which is installed where it is missing.
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || die "usage: rootfs.sh MTA..."
roots=$cache/rootfs

# packages MTA: what is installed for it, beside the base system.
packages() {
	case $1 in
	postfix) echo postfix ;;
	exim) echo exim4-daemon-light ;;
	opensmtpd) echo opensmtpd ;;
	sendmail) echo sendmail-bin sendmail-cf ;;
	*) return 1 ;;
	esac
}

# base: Debian's smallest system, once, as a tar file from which each root file system starts.
base() {
	[ -f "$roots/base.tar" ] && return 0
	local suite mirror
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		awk -v suite="$suite" '$1 == "Debian" && $2 == suite { print $3; exit }')
	[ -n "$suite" ] && [ -n "$mirror" ] || die "apt knows no package list of Debian $suite: check /etc/apt/sources.list"
	need debootstrap debootstrap
	say "making a Debian $suite base system in .cache/rootfs"
	rm -rf "$roots/base"
	quietly debootstrap limited 900 debootstrap --variant=minbase "$suite" "$roots/base" "$mirror" || die "no base system"
	rm -rf "$roots"/base/var/cache/apt/* "$roots"/base/var/lib/apt/lists/* "$roots"/base/usr/share/{doc,man,locale,info}/*
	# Should a package's script still try to start a service, it is told no.
	printf '#!/bin/sh\nexit 101\n' >"$roots/base/usr/sbin/policy-rc.d"
	chmod 755 "$roots/base/usr/sbin/policy-rc.d"
	tar -C "$roots/base" -cf "$roots/base.tar.new" .
	mv "$roots/base.tar.new" "$roots/base.tar"
	rm -rf "$roots/base"
}

# in_root DIR COMMAND...: in the root file system, without the machine's processes and mounts.
in_root() {
	local root=$1
	shift
	unshare --mount --pid --ipc --uts --fork --kill-child --propagation private \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C \
		sh -c 'root=$1; shift; mount -t proc proc "$root/proc" && exec chroot "$root" "$@"' sh "$root" "$@"
}

make_root() {
	local mta=$1 root=$roots/$1 new=$roots/$1.new names
	[ -f "$root/.ready" ] && return 0
	names=$(packages "$mta") || die "no packages are known for a mail server named $mta"
	[ "$(id -u)" = 0 ] || die "making a root file system with $mta needs root: sudo make rootfs"
	have apt-get || die "a root file system with $mta is made from Debian's packages, and there is no apt-get here"
	apt_update
	base
	say "installing $names into .cache/rootfs/$mta"
	rm -rf "$new"
	mkdir -p "$new"
	tar -C "$new" -xf "$roots/base.tar"
	# The machine's apt fetches what the root file system lacks; dpkg installs it there.
	mkdir -p "$new/debs/partial"
	# shellcheck disable=SC2086
	quietly "apt-get --download-only" limited 600 apt-get "${apt_options[@]}" -o Debug::NoLocking=1 \
		-o Dir::State::status="$new/var/lib/dpkg/status" -o Dir::Cache::archives="$new/debs" \
		-qq -y --download-only --no-install-recommends install $names || die "cannot fetch $names"
	# Twice: a package that pre-depends on another cannot be unpacked before that is configured.
	quietly "dpkg in the root file system" in_root "$new" sh -c '
		dpkg --unpack /debs/*.deb || dpkg --configure --pending || true
		dpkg --unpack /debs/*.deb && dpkg --configure --pending' ||
		die "$names could not be installed"
	rm -rf "$new/debs"
	in_root "$new" dpkg-query -W -f '${Version}\n' "${names%% *}" >"$new/.ready"
	rm -rf "$root"
	mv -T "$new" "$root"
	say "ready: .cache/rootfs/$mta ($names $(cat "$root/.ready"))"
}

missing=
for mta; do
	[ -f "$roots/$mta/.ready" ] || missing=1
done
[ -n "$missing" ] || exit 0
alone rootfs
mkdir -p "$roots"
for mta; do
	make_root "$mta"
done

#!/usr/bin/env bash
# Removes bin/ and .cache/. Nothing in there is mounted: the tests mount in a name space that ends with them.
. "$(dirname "$0")/lib.sh"
if grep -q " $cache/" /proc/self/mounts 2>/dev/null; then
	die "something is mounted below .cache: unmount it first"
fi
# The Go tool makes what it caches read-only.
chmod -R u+w "$cache" 2>/dev/null || true
rm -rf "$cache" "$top/bin"

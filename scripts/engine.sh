#!/usr/bin/env bash
# The embedded ClickHouse: libchdb.so from the npm package, at .cache/engine/libchdb.so.
. "$(dirname "$0")/lib.sh"

version=${ENGINE_VERSION:-26.5.3}
case $(uname -sm) in
"Linux x86_64") package=@chdb/lib-linux-x64-gnu ;;
"Linux aarch64") package=@chdb/lib-linux-arm64-gnu ;;
*) die "no embedded engine for $(uname -sm) is known here: use --clickhouse DSN with a server of your own" ;;
esac
wanted=$package@$version
dir=$cache/engine

ready() { [ -f "$dir/libchdb.so" ] && [ "$(cat "$dir/version" 2>/dev/null)" = "$wanted" ]; }

ready && exit 0
if [ -n "${CHDB_LIB_PATH:-}" ]; then
	[ -f "$CHDB_LIB_PATH" ] || die "CHDB_LIB_PATH names $CHDB_LIB_PATH, and there is no such file"
	exit 0
fi
alone engine
ready && exit 0
need npm npm

say "fetching $wanted by npm (170 MB, 560 MB unpacked)"
mkdir -p "$dir"
new=$(mktemp -d "$dir/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
quietly "npm pack $wanted" env npm_config_cache="$new/npm" npm_config_fetch_timeout=60000 npm_config_fetch_retries=2 npm_config_update_notifier=false \
	timeout --kill-after=10 900 npm pack --pack-destination "$new" "$wanted" </dev/null ||
	die "cannot fetch $wanted: is the npm registry within reach? CHDB_LIB_PATH names a copy of libchdb.so from elsewhere"
tar -xzf "$new"/*.tgz -C "$new" package/libchdb.so
listed "$new/package" "engine/$version/$(uname -m)"
chmod 644 "$new/package/libchdb.so"
mv -f "$new/package/libchdb.so" "$dir/libchdb.so"
printf '%s\n' "$wanted" >"$new/version"
mv -f "$new/version" "$dir/version"
say "ready: .cache/engine/libchdb.so"

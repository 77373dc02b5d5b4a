#!/usr/bin/env bash
# Apache Kafka for the tests: the jars of KAFKA_VERSION, fetched by Maven, in .cache/kafka/KAFKA_VERSION/.
. "$(dirname "$0")/lib.sh"

pom=$top/test/kafka/pom.xml
version=${KAFKA_VERSION:-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$pom")}
dir=$cache/kafka/$version

# Java is needed at every start of the broker, Maven for the download only.
need java default-jre-headless
[ -d "$dir" ] && exit 0
alone kafka
[ -d "$dir" ] && exit 0
need mvn maven

java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
case $version in
[4-9].*) [ "${java:-0}" -ge 17 ] || die "Kafka $version needs Java 17 or newer; here is Java ${java:-of an unknown version}" ;;
esac

say "fetching Apache Kafka $version by Maven (about 45 MB)"
mkdir -p "$cache/kafka"
new=$(mktemp -d "$cache/kafka/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
quietly "Maven" timeout --kill-after=10 900 mvn --batch-mode --quiet --file "$pom" \
	-Dmaven.repo.local="$cache/maven" -Dmaven.wagon.http.retryHandler.count=2 -Dmaven.wagon.rto=60000 \
	-Daether.connector.connectTimeout=20000 -Daether.connector.requestTimeout=60000 \
	-Dkafka.version="$version" -DincludeScope=runtime -DoutputDirectory="$new" \
	dependency:copy-dependencies </dev/null ||
	die "cannot fetch Kafka $version: is Maven Central within reach?"
[ -n "$(find "$new" -name "kafka_2.13-$version.jar")" ] || die "Maven brought no kafka_2.13-$version.jar"
listed "$new" "kafka/$version"
chmod 755 "$new"
mv -T "$new" "$dir"
say "ready: .cache/kafka/$version"

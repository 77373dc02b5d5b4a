# Every target does its own set-up; all that is fetched or made lies under .cache/. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Beside the default version, which test/kafka/pom.xml names.
KAFKA_ALSO ?= 3.9.2
MTAS ?= postfix exim opensmtpd sendmail
KAFKA_VERSION ?=
FUZZTIME ?= 30s
# For torture: how many faults, the seed (0: another each time), further flags of test/torture.
FAULTS ?= 1000
SEED ?= 0
ARGS ?=
# For demo: the paths to read, and how far back the report looks (all). For accuracy: the corpus.
LOGS ?=
SINCE ?=
CORPUS ?=

.PHONY: help build demo test check fuzz bench accuracy replies torture engine kafka rootfs setup clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: engine build ## run the whole pipeline on the sample logs, or on LOGS="PATH...", and print the report
	@LOGS='$(LOGS)' SINCE='$(SINCE)' scripts/demo.sh

test: ## set up every real part that this machine can have, and run all tests
	@MTAS='$(MTAS)' KAFKA_ALSO='$(KAFKA_ALSO)' scripts/test.sh

replies: rootfs ## every reply of enrich/testdata at every step through the four mail servers, in eight configurations (15 minutes)
	@BOUNCEHOUSE_REPLIES=1 go test -count=1 -v -timeout 60m -run TestReplies ./test

torture: engine kafka build ## nothing lost, nothing twice: FAULTS (1000) faults against a ledger; SEED=N, ARGS="-variant kafka -keep ..." (hours)
	@FAULTS='$(FAULTS)' SEED='$(SEED)' ARGS='$(ARGS)' scripts/torture.sh

check: ## gofmt, vet, staticcheck and the unit tests: under a minute
	@scripts/check.sh

build: ## bin/bouncehouse
	@CGO_ENABLED=0 go build -trimpath -o bin/bouncehouse ./cmd/bouncehouse

engine: ## the embedded ClickHouse, by npm
	@scripts/engine.sh

kafka: ## Apache Kafka for the tests, by Maven; KAFKA_VERSION=... for another than the default
	@KAFKA_VERSION='$(KAFKA_VERSION)' scripts/kafka.sh

rootfs: ## mail servers for the tests, each in a root file system of its own (needs root)
	@scripts/rootfs.sh $(MTAS)

setup: ## all parts that make test needs
	@MTAS='$(MTAS)' KAFKA_ALSO='$(KAFKA_ALSO)' scripts/setup.sh

fuzz: ## every fuzz target for FUZZTIME (30s)
	@scripts/fuzz.sh '$(FUZZTIME)'

bench: engine build ## all benchmarks, and other tools on the same input beside ours; CORPUS=DIR adds its bounce mails, BASE=COMMIT that commit's speed
	@CORPUS='$(CORPUS)' BASE='$(BASE)' scripts/bench.sh

accuracy: build ## score `bouncehouse parse` against CORPUS=DIR of logs with expected.jsonl beside them
	@CORPUS='$(CORPUS)' scripts/accuracy.sh

clean: ## remove bin/ and all that was fetched or made
	@scripts/clean.sh

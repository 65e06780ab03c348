# make run             the demo: a legacy provider, the gateway before it, and what changes
# make test            everything that needs only Go and make
# make e2e             real clients, from npm, against the running programs; needs Node
# make conformance     the tables of what the standards ask and of what an abuser tries, row by row
# make stress          what must not fail under load and attack, counted; 25 minutes
# make bench           CPU time, latency and memory compared with nginx, haproxy, Caddy and ReverseProxy; needs Debian; 15 minutes
# make bench-baseline  write bench/baseline.txt, with which make bench compares the Go benchmarks; on an idle machine
# make release         dist/: binaries, bills of materials, checksums
# make release-check   build the release from two clones, compare and check the files
# make lint            what further tools find; they take minutes to build
# make fuzz            every fuzz target for FUZZTIME each; make PACKAGE/TARGET for one

FUZZTIME ?= 10m
# Every fuzz target, as PACKAGE/TARGET. make fails if FUZZ has any other name.
FUZZ_TARGETS := $(shell grep -ro --include='*_test.go' --exclude-dir=e2e '^func Fuzz[A-Za-z]*' * | sed 's|/[^/]*:func |/|')
FUZZ = $(FUZZ_TARGETS)

BENCHMARKS = go test -run '^$$' -bench . -benchmem -benchtime 0.3s -count 6 -timeout 10m \
	./clientauth ./internal/jsonobject ./internal/upstream ./cmd/oauthgw

.PHONY: build run test conformance e2e stress bench bench-baseline release release-check lint fuzz $(FUZZ_TARGETS)

build:
	go build -o bin/ ./cmd/oauthgw

run:
	go run ./cmd/oauthgw demo

test:
	go test ./...

conformance:
	go test -C cmd/oauthgw -run '^TestConformance$$' -conformance
	go test -run '^Test[RA][0-9]' ./...

e2e:
	bash e2e/run

stress: build
	go run ./bench/stress -gateway bin/oauthgw -into docs/reliability.md

bench: build
	bench/compare/fetch .build/peers
	go run ./bench/compare -output docs/performance-results.md $(BENCH_FLAGS)
	$(BENCHMARKS) > .build/benchmarks.txt
	go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da bench/baseline.txt .build/benchmarks.txt

bench-baseline:
	$(BENCHMARKS) > bench/baseline.txt

release:
	.ci/release

release-check:
	.ci/release-check

lint:
	.ci/lint

fuzz: $(FUZZ)

$(FUZZ_TARGETS):
	go test -run '^$$' -fuzz '^$(@F)$$' -fuzztime $(FUZZTIME) ./$(@D)

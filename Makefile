# make run             the demo: a legacy provider, the gateway in front of it, and what changes
# make test            all tests that need only Go and make
# make e2e             real clients and providers against the running programs; needs Node and Debian
# make interop         real clients with malformed responses, directly and through the gateway; needs Node; 3 minutes
# make conformance     the conformance and abuse tables, row by row
# make stress          load, faults and attacks, counted; 15 minutes
# make bench           CPU time, latency and memory compared with nginx, haproxy, Caddy and ReverseProxy; needs Debian; 15 minutes
# make bench-baseline  write bench/baseline.txt, with which make bench compares the Go benchmarks; on an idle machine
# make mutate          change clientauth and proxy in many ways and list the changes that no test detects; 30 minutes
# make release         dist/: binaries, bills of materials, checksums
# make release-check   build the release from two clones, compare and check the files
# make lint            further linters, which take minutes to build
# make fuzz            every fuzz target for FUZZTIME each; make PACKAGE/TARGET for one

FUZZTIME ?= 10m
# Every fuzz target, as PACKAGE/TARGET. make fails if FUZZ holds another name.
FUZZ_TARGETS := $(shell grep -ro --include='*_test.go' --exclude-dir=e2e '^func Fuzz[A-Za-z]*' * | sed 's|/[^/]*:func |/|')
FUZZ = $(FUZZ_TARGETS)

BENCHMARKS = go test -run '^$$' -bench . -benchmem -benchtime 0.3s -count 6 -timeout 10m \
	./clientauth ./internal/jsonobject ./cmd/oauthgw

GREMLINS = go run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0

.PHONY: build run test conformance e2e interop stress bench bench-baseline mutate release release-check lint fuzz $(FUZZ_TARGETS)

build:
	go build -o bin/ ./cmd/oauthgw

# On a terminal the demo gets a process group of its own. Then Ctrl-C ends the demo alone,
# and make ends with its exit code, 0.
run: build
	@[ -t 0 ] || exec bin/oauthgw demo; set -m; bin/oauthgw demo; exit

test:
	go test ./...

conformance:
	go test -C cmd/oauthgw -run '^TestConformance$$' -conformance
	go test -run '^Test(R|A|D|P|Q|H|CA)[0-9]' ./...

e2e:
	bash e2e/run

interop:
	bash e2e/interop

stress: build
	go run ./bench/stress -gateway bin/oauthgw -output docs/development/reliability.md

# The gateway is built as it is released.
bench:
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/oauthgw
	bench/compare/fetch .build/peers
	go run ./bench/compare -output docs/development/benchmark-results.md $(BENCH_FLAGS)
	$(BENCHMARKS) > .build/benchmarks.txt
	go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da bench/baseline.txt .build/benchmarks.txt

bench-baseline:
	$(BENCHMARKS) > bench/baseline.txt

mutate:
	for package in clientauth proxy; do $(GREMLINS) unleash ./$$package || exit; done

release:
	.ci/release

release-check:
	.ci/release-check

lint:
	.ci/lint

fuzz: $(FUZZ)

$(FUZZ_TARGETS):
	go test -run '^$$' -fuzz '^$(@F)$$' -fuzztime $(FUZZTIME) ./$(@D)

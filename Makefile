# make run   the demo: a legacy provider, the gateway before it, and what changes
# make test  everything that needs only Go and make

.PHONY: test vet

test:
	go test ./...

vet:
	go vet ./...

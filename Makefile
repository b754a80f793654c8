# One entry point for people and for CI. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PACKAGE := github.com/dmwm/wmstats
LDFLAGS := -s -w -X $(PACKAGE)/program/version.text=$(VERSION)

# Addresses and size of `make run`.
UI_ADDR    ?= 127.0.0.1:8080
CACHE_ADDR ?= 127.0.0.1:8081
COUCH_ADDR ?= 127.0.0.1:5984
STORYBOOK  ?= 127.0.0.1:8090
WORKFLOWS  ?= 20000
SEED       ?= 1
LIVE       ?= 20
export UI_ADDR CACHE_ADDR COUCH_ADDR WORKFLOWS SEED LIVE COUCH_URL BENCHTIME

FUZZTIME  ?= 10s
SEEDS     ?= 1000
HOURS     ?= 24
FIRST     ?= 1
BENCHTIME ?= 1s
GOLANGCI  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULN    := golang.org/x/vuln/cmd/govulncheck@v1.9.0
MODULES   := schema program static web mock cacheserver uiserver scripts

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST) | sed 's|@STORYBOOK@|$(STORYBOOK)|; s|@FUZZTIME@|$(FUZZTIME)|'

.PHONY: build
build: ## build cacheserver, uiserver, mock, demo and compare into bin/ (static)
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ \
		$(PACKAGE)/cacheserver/cmd/cacheserver \
		$(PACKAGE)/uiserver/cmd/uiserver \
		$(PACKAGE)/mock/cmd/mock \
		$(PACKAGE)/scripts/cmd/demo \
		$(PACKAGE)/scripts/cmd/compare

.PHONY: run
run: build ## build and start everything on loopback with live mock data; COUCH_URL=... uses a real CouchDB
	@exec bin/demo

# Three cache servers that answer as one. The NATS server is a tool of the module scripts.
.PHONY: build-ha
build-ha: build
	cd scripts && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../bin/ github.com/nats-io/nats-server/v2

.PHONY: run-ha
run-ha: export WORKFLOWS := $(if $(filter file,$(origin WORKFLOWS)),2000,$(WORKFLOWS))
run-ha: build-ha ## build and start three cache servers that answer as one, a NATS server, two UI servers and a balancer
	@exec bin/demo --replicas

# The same build flags everywhere: vet and the programs that tests build reuse the
# build cache, which halves the time on a new machine.
.PHONY: test
test: export GOFLAGS += -race
test: ## run all tests, with the race detector and go vet
	go test -vet=all -timeout 40m $(PACKAGE)/scripts/e2e work # the longest test first: it mostly waits
	@go test -count=1 $(PACKAGE)/scripts/importcheck $(PACKAGE)/scripts/docscheck # the test cache does not see the files that they read

.PHONY: test-long
test-long: ## run the tests that take too long for every change: 30 simulated days of ten mock worlds, every edge case on every document, replicas in a browser with both balancers
	WMSTATS_LONG_SEEDS=10 go test -count=1 -timeout 3h -run '^(TestDays|TestEdges.*|TestBrowserReplicas)$$' $(PACKAGE)/mock/live $(PACKAGE)/mock/gen $(PACKAGE)/scripts/e2e

.PHONY: check
check: check-format check-vet check-generated check-modules lint vuln ## check gofmt, vet, generated code, modules, linters, known vulnerabilities
	go test -count=1 $(PACKAGE)/scripts/importcheck $(PACKAGE)/scripts/docscheck $(PACKAGE)/scripts/compose

.PHONY: check-format
check-format:
	@bad=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$bad" ]; then echo "not gofmt'd:"; echo "$$bad"; exit 1; fi

.PHONY: check-vet
check-vet:
	go vet work

# Generated files are committed; generating them again must change nothing.
.PHONY: check-generated
check-generated:
	@before=$$(git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null | sha256sum); \
	$(MAKE) --no-print-directory generate; \
	after=$$(git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null | sha256sum); \
	if [ "$$before" != "$$after" ]; then echo "generated code was stale; it has been regenerated: look at 'git status'"; exit 1; fi

# Every module must build alone, without the workspace.
.PHONY: check-modules
check-modules:
	@for m in $(MODULES); do echo "module $$m"; (cd $$m && GOWORK=off go mod tidy -diff && GOWORK=off go build ./...) || exit 1; done

# The linter is built once for each version and Go, outside the checkout: it stays
# after `make clean` and for the next clone. TOOLS=folder puts it elsewhere.
TOOLS  ?= $(or $(XDG_CACHE_HOME),$(if $(HOME),$(HOME)/.cache,$(CURDIR)/.run))/wmstats-tools
LINTER := $(TOOLS)/golangci-lint-$(lastword $(subst @, ,$(GOLANGCI)))-$(shell go env GOVERSION)
$(LINTER):
	@mkdir -p $(@D) && new=$$(mktemp -d $(@D)/new.XXXXXX) && trap 'rm -rf "$$new"' EXIT && \
		echo "building $(GOLANGCI)" && GOFLAGS= GOWORK=off GOBIN=$$new go install $(GOLANGCI) && mv $$new/golangci-lint $@

.PHONY: linter
linter: $(LINTER) # what `make lint` needs; fails if it can't be built

.PHONY: lint
lint: $(LINTER) ## run golangci-lint in every module; the linter is built first if needed
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(LINTER) run --config ../.golangci.yml ./...) || exit 1; done

.PHONY: vuln
vuln: ## run govulncheck, if its database can be reached
	@if curl -sf -m 5 -o /dev/null https://vuln.go.dev/index/db.json; then \
		for m in $(MODULES); do (cd $$m && go run $(GOVULN) ./...) || exit 1; done; \
	else echo "govulncheck skipped: its database can't be reached from here"; fi

.PHONY: generate
generate: ## regenerate templ code and docs/reference (schema.md, openapi.json, options.md, metrics.md, problems.md)
	cd web && go generate ./...
	cd schema && go generate ./...
	cd cacheserver && go test ./api -count=1 -run '^TestOpenAPIFile$$' -args -update-openapi
	cd scripts && go test ./reference -count=1 -run '^TestPagesAreCurrent$$' -args -update

.PHONY: bench
bench: build-ha ## run the benchmarks, or some with SECTIONS="firstread latency ui memory content checkpoint soak legacy ha log scale api dear store parts"; bin/bench -h has the sizes
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ $(PACKAGE)/scripts/cmd/bench
	@bin/bench

.PHONY: simulate
simulate: ## simulate SEEDS worlds for HOURS hours with faults of all kinds; failing ones are reduced and written to .run/simulate
	@mkdir -p .run/simulate
	GOGC=400 go test -count=1 -timeout 24h $(PACKAGE)/scripts/simulate -run '^Test(Cluster)?Seeds$$' -v -args -seeds $(SEEDS) -hours $(HOURS) -first $(FIRST) -keep $(CURDIR)/.run/simulate

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (@FUZZTIME@)
	bash scripts/fuzz.sh $(FUZZTIME)

.PHONY: screenshots
screenshots: build ## take the pictures in docs/images again, with a Chromium from PATH
	go run $(PACKAGE)/scripts/cmd/screenshots

.PHONY: storybook
storybook: ## serve every component with its hard cases, in both themes, at http://@STORYBOOK@/
	go run $(PACKAGE)/scripts/cmd/storybook -listen $(STORYBOOK)

.PHONY: up
up: ## start CouchDB, mock data and both servers with docker compose
	@password=$$(bash scripts/compose/password.sh) && COUCH_PASSWORD=$$password docker compose up --build --detach --wait

.PHONY: down
down: ## stop the containers of `make up` and remove their data
	@password=$$(bash scripts/compose/password.sh) && COUCH_PASSWORD=$$password docker compose down --volumes

.PHONY: integration
integration: ## test against a real CouchDB: COUCH_URL=..., or that of docker compose
	bash scripts/integration.sh

.PHONY: clean
clean: ## remove all build results
	rm -rf bin dist .run
	go clean -testcache

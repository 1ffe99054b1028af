# One name a job; `make` lists them.

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
IMAGES    := linux/amd64 linux/arm64
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
TOOLS     := .cache/bin/$(shell go env GOVERSION)
PEERS     := .cache/peers/$(shell go env GOVERSION)
CLIENTS   := .cache/clients/$(shell go env GOVERSION)
# What tests run with node: the AWS SDK, and a second opinion on policies.
NODE_MODULES := $(addsuffix /node_modules/.package-lock.json,e2e/javascript e2e/browser internal/iam/testdata/simulate)
CONSOLE   := internal/console/dist/.built
GO_TEST   := go test -timeout 20m
# SQLite is C that was translated to Go, which the race detector makes ten times as
# slow. What it does with memory of its own is not for our tests to watch; its
# driver, which our code calls, is watched.
RACE      := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc/...=-race=false

# The same flags everywhere, so that every step shares one set of compiled packages.
export GOFLAGS     := $(shell go env GOFLAGS) -trimpath
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'


.PHONY: run
run: build ## Build and serve with the defaults; ARGS='--listen …' adds flags
	bin/nifuda serve $(ARGS)

.PHONY: build
build: $(CONSOLE) ## Build bin/nifuda, static, with the console where npm is there
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/nifuda


# The image has the time of the commit, or SOURCE_DATE_EPOCH, and no other: the
# same commit gives the same digests.
.PHONY: image
image: $(CONSOLE) ## Build the container image for amd64 and arm64 into bin/image, without a container engine
	@for platform in $(IMAGES); do echo "build for $$platform"; GOOS=$${platform%/*} GOARCH=$${platform#*/} \
		go build -ldflags '-s -w -X main.version=$(VERSION)' -o .cache/image/$$platform/ ./cmd/nifuda || exit 1; done
	cd deploy/image && go run . -out $(CURDIR)/bin/image -version '$(VERSION)' -revision "$$(git rev-parse HEAD 2>/dev/null)" \
		-created "$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)}" \
		$(foreach platform,$(IMAGES),$(platform)=$(CURDIR)/.cache/image/$(platform)/nifuda)

# The chart's own version is in Chart.yaml; the version of nifuda is what it installs.
.PHONY: chart
chart: $(CLIENTS)/.built ## Pack the Helm chart into bin/
	$(CLIENTS)/helm package deploy/helm/nifuda --app-version '$(VERSION)' --destination bin

.PHONY: deploycheck
deploycheck: $(CLIENTS)/.built # Tests what builds the container image, and the chart
	cd deploy/image && $(GO_TEST) ./...
	cd deploy/helm && NIFUDA_CLIENTS=$(CURDIR)/$(CLIENTS) $(GO_TEST) -count=1 ./...

.PHONY: test
test: clients drift lint consolecheck cross race collect deploycheck e2e benchcheck ## Run every test there is; installs what is missing

.PHONY: unit
unit: $(CLIENTS)/versitygw ## Run the Go tests
	NIFUDA_CLIENTS=$(CURDIR)/$(CLIENTS) scripts/with-postgres $(GO_TEST) ./...

.PHONY: race
race: $(CLIENTS)/versitygw ## Run the Go tests with the race detector
	NIFUDA_CLIENTS=$(CURDIR)/$(CLIENTS) CGO_ENABLED=1 scripts/with-postgres $(GO_TEST) $(RACE) ./...

.PHONY: collect
collect: ## Run at full size what the race detector makes slow: the collector, and moves that are killed
	scripts/with-postgres $(GO_TEST) -count=1 -run 'TestCollectorSoak|TestSpace|TestAPass' ./internal/registry
	scripts/with-postgres $(GO_TEST) -count=1 -run 'TestAMoveThatIsKilled' ./internal/migrate

.PHONY: e2e
e2e: build image $(CLIENTS)/.built $(CLIENTS)/versitygw $(CLIENTS)/docker-compose $(NODE_MODULES) ## Run real clients against the real binary; RUN=Regexp chooses tests
	cd e2e && NIFUDA_BIN=$(CURDIR)/bin/nifuda NIFUDA_CLIENTS=$(CURDIR)/$(CLIENTS) NIFUDA_IMAGE=$(CURDIR)/bin/image ../scripts/with-postgres $(GO_TEST) -timeout 30m -count=1 -parallel 4 -v $(if $(RUN),-run '$(RUN)') ./...

.PHONY: screenshots
screenshots: build $(NODE_MODULES) ## Take the pictures of docs/console.md anew
	cd e2e && NIFUDA_BIN=$(CURDIR)/bin/nifuda CONSOLE_SHOTS=$(CURDIR)/docs/images $(GO_TEST) -count=1 -run 'TestConsoleScreens/plain' .

.PHONY: soak
soak: build $(CLIENTS)/versitygw $(CLIENTS)/minio ## Run for hours: kills, power cuts, a million images, blobs of 10 GiB, collecting under load
	NIFUDA_SOAK=1 scripts/with-postgres go test -timeout 4h -run '^$$' -bench BenchmarkGrowth -benchtime 1x ./internal/server
	NIFUDA_SOAK=1 scripts/with-postgres go test -timeout 4h -count=1 -v -run Soak ./internal/registry
	cd e2e && NIFUDA_BIN=$(CURDIR)/bin/nifuda NIFUDA_CLIENTS=$(CURDIR)/$(CLIENTS) NIFUDA_SOAK=1 ../scripts/with-postgres go test -timeout 4h -count=1 -v -run 'Soak|Crash|Chaos|PowerCut|FailingDisk' ./...

.PHONY: bench
bench: build $(PEERS)/.built ## Measure nifuda beside its peers, as a table; ARGS='-run push' chooses scenarios
	cd bench && go build -o ../.cache/bench . && ../.cache/bench -nifuda ../bin/nifuda -peers $(CURDIR)/$(PEERS) $(ARGS)

# Each node is asked for the same, whatever their number; without -rate they share what the machine has.
.PHONY: benchnodes
benchnodes: build $(CLIENTS)/versitygw ## Measure one, two and three nodes of nifuda on PostgreSQL and S3
	cd bench && go build -o ../.cache/bench .
	.cache/bench -nifuda bin/nifuda -nodes 3 -s3 $(CLIENTS)/versitygw -rate 300 -run 'manifest|BatchGetImage' $(ARGS)
	.cache/bench -nifuda bin/nifuda -nodes 3 -s3 $(CLIENTS)/versitygw -rate 60 -run 'small image pull' $(ARGS)
	.cache/bench -nifuda bin/nifuda -nodes 3 -s3 $(CLIENTS)/versitygw -rate 8 -run 'small image push, 8|PutImage' $(ARGS)

.PHONY: gobench
gobench: ## Run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

# That the benchmark runs at all: nothing is measured in so short a time.
.PHONY: benchcheck
benchcheck: build $(CLIENTS)/versitygw ## Run the benchmark once, as briefly as can be
	cd bench && go build -o ../.cache/bench . && ../.cache/bench -nifuda ../bin/nifuda -rounds 1 -duration 50ms -layer 8388608 -against 'nifuda|bare' -run 'small|manifest|large|ECR (Batch|Put|Create)|twenty|memory'
	.cache/bench -nifuda bin/nifuda -nodes 2 -s3 $(CLIENTS)/versitygw -rounds 1 -duration 50ms -run 'small image push|manifest GET'


.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Run gofmt, go vet, staticcheck and golangci-lint
	@unformatted=$$(gofmt -l bench cmd deploy e2e internal) && if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	@for module in . e2e bench deploy/image deploy/helm; do (cd $$module && set -ex && go vet ./... \
		&& $(CURDIR)/$(TOOLS)/staticcheck ./... \
		&& $(CURDIR)/$(TOOLS)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...) || exit 1; done

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## Format the code as lint wants it
	@for module in . e2e bench deploy/image deploy/helm; do (cd $$module && $(CURDIR)/$(TOOLS)/golangci-lint fmt --config $(CURDIR)/.golangci.yml) || exit 1; done

.PHONY: gen
gen: ## Regenerate the generated code
	go generate ./...

# Compares with what was there before, committed or not.
.PHONY: drift
drift: ## Fail when the generated code is not what the generator writes
	@before=$$(scripts/generated-sums) && go generate ./... && after=$$(scripts/generated-sums) \
		&& if [ "$$before" != "$$after" ]; then echo "generated code was out of date; commit what 'make gen' wrote:"; \
		printf '%s\n' "$$before" "$$after" | sort | uniq -u | awk '{print "  " $$2}' | sort -u; exit 1; fi

.PHONY: cross
cross: ## Compile for every platform
	@for platform in $(PLATFORMS); do echo "compile for $$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} go build ./... || exit 1; done


.PHONY: clients
clients: ## Install and build the clients that the tests drive
	scripts/install-clients
	$(MAKE) $(CLIENTS)/.built $(CLIENTS)/versitygw $(CLIENTS)/docker-compose $(NODE_MODULES)

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin .cache $(NODE_MODULES:/.package-lock.json=) coverage.out

$(TOOLS)/golangci-lint: tools/go.mod tools/go.sum
	cd tools && go build -o $(CURDIR)/$(TOOLS)/ tool
	@touch $@

$(PEERS)/.built: bench/peers/go.mod bench/peers/go.sum
	cd bench/peers && go build -o $(CURDIR)/$(PEERS)/ tool
	@touch $@

# One after the other, which takes the least memory; they share most packages.
$(CLIENTS)/.built: clients/go.mod clients/go.sum
	cd clients && for client in $$(go list tool); do echo "build $$client"; \
		go build -ldflags '-s -w' -o $(CURDIR)/$(CLIENTS)/ $$client || exit 1; done
	@touch $@

# An S3 server for the tests of blobs and backups in buckets.
$(CLIENTS)/versitygw: clients/s3/go.mod clients/s3/go.sum
	cd clients/s3 && go build -ldflags '-s -w' -o $(CURDIR)/$(CLIENTS)/ tool
	@touch $@

# A cluster of S3 servers, for `make soak` alone: it takes minutes to build.
$(CLIENTS)/minio: clients/minio/go.mod clients/minio/go.sum
	cd clients/minio && go build -ldflags '-s -w' -o $(CURDIR)/$(CLIENTS)/ tool
	@touch $@

# The compose plugin, which is a program of its own too. Its package is called cmd.
$(CLIENTS)/docker-compose: clients/compose/go.mod clients/compose/go.sum
	cd clients/compose && go build -ldflags '-s -w' -o $(CURDIR)/$@ $$(go list tool)
	@touch $@

# Without npm the server is built all the same, and its console is a page that says so.
$(CONSOLE): console/package-lock.json console/node_modules/.package-lock.json $(shell find console/src console/public console/*.html console/*.ts console/*.mjs -type f)
	@if command -v npm >/dev/null; then npm --prefix console run --silent build && touch $@; \
		else echo "npm is missing, so nifuda is built without its console"; [ "$$CI" != true ]; fi

.PHONY: consolecheck
consolecheck: console/node_modules/.package-lock.json ## Check the types, the style and the logic of the console
	cd console && npm run --silent gen && git diff --exit-code src/api && npm run --silent typecheck && npm run --silent lint && npm test --silent

$(NODE_MODULES) console/node_modules/.package-lock.json: %/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then cd $* && npm ci --ignore-scripts --no-audit --no-fund && touch node_modules/.package-lock.json; \
		else echo "npm is missing, so what $*/package.json names is not installed"; [ "$$CI" != true ]; fi

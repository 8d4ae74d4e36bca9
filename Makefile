# Targets for developers. `make` prints the list.

GO            ?= go
GOLANGCI_V    := v2.15.0
GOLANGCI      := $(shell $(GO) env GOPATH)/bin/golangci-lint
# Tests start browsers, directories and providers, which are slow on a loaded machine; this limit ends a test that hangs.
TEST_TIMEOUT  ?= 20m
BENCH         ?= .
FUZZ_TIME     ?= 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run the service with default settings on http://localhost:8080
	$(GO) run ./cmd/ostiary serve

.PHONY: build
build: ## Build the static binary bin/ostiary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/ostiary ./cmd/ostiary

.PHONY: sizes
sizes: ## Print what each library adds to the binary
	@deploy/ci/sizes.sh

.PHONY: test
test: fixtures ## Run all tests; installs the servers that they use (Debian)
	$(GO) test -shuffle=on -timeout $(TEST_TIMEOUT) ./...

.PHONY: check
check: fixtures fmt-check tidy-check generated-check lint race unraced purego emulated ## Run the CI checks: format, tidy, generated code, lint, all tests with the race detector

.PHONY: bench
bench: ## Run the benchmarks (BENCH=pattern selects some)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m ./test/bench/...

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZ_TIME (30s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) $$pkg; done; done

.PHONY: fmt
fmt: $(GOLANGCI) ## Format all Go files (gofumpt, gci)
	$(GOLANGCI) fmt

.PHONY: lint
lint: $(GOLANGCI) ## Run the linters
	$(GOLANGCI) run ./...

VULN_DB ?= https://vuln.go.dev

.PHONY: vuln
vuln: ## Report known vulnerabilities that the program reaches (VULN_DB=file:///… for a local database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db $(VULN_DB) ./...

.PHONY: sbom
sbom: build ## Write the software bill of materials bin/ostiary.cdx.json (CycloneDX)
	$(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -output bin/ostiary.cdx.json bin/ostiary

.PHONY: generate
generate: ## Regenerate the code from the OpenAPI files
	$(GO) generate ./...

.PHONY: fixtures
fixtures: ## Install missing test dependencies
	@test/fixtures/install.sh

.PHONY: fmt-check
fmt-check: $(GOLANGCI)
	$(GOLANGCI) fmt --diff

.PHONY: tidy-check
tidy-check:
	$(GO) mod tidy -diff

# Checks that the committed assembly is what its generators write. (A test checks the code from the OpenAPI files.)
KERNEL        := adapters/argon2id/argon2kernel

.PHONY: generated-check
generated-check:
	@before=$$(cat $(KERNEL)/compress_* | sha256sum); $(GO) generate ./$(KERNEL); \
	  test "$$before" = "$$(cat $(KERNEL)/compress_* | sha256sum)" || \
	  { echo 'the committed assembly differed from the output of its generators and was regenerated' >&2; exit 1; }

# Builds the program without assembly, and tests what computes the hashes then.
.PHONY: purego
purego:
	CGO_ENABLED=0 $(GO) build -tags purego -o /dev/null ./cmd/ostiary
	$(GO) test -tags purego ./adapters/argon2id/...

# Runs the arm64 kernel in an emulator on other machines: the vectors, and the seeds of the fuzz test.
.PHONY: emulated
emulated: fixtures
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64-static -run 'RFC9106|Kernel|FuzzKey' ./$(KERNEL)

# Includes the dependency rule (test/arch).
.PHONY: race
race: fixtures
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout $(TEST_TIMEOUT) ./...

# Runs the tests that the race detector cannot watch: those of the files with the build constraint !race.
.PHONY: unraced
unraced: fixtures
	@files=$$(grep -rl --include='*_test.go' --exclude-dir=node_modules '^//go:build !race$$' .) && \
	  tests=$$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' $$files | sort -u | paste -sd '|') && \
	  packages=$$(dirname $$files | sort -u) && set -x && \
	  $(GO) test -shuffle=on -timeout $(TEST_TIMEOUT) -run "^($$tests)$$" $$packages

# Installs the linter if it is missing or has another version.
.PHONY: $(GOLANGCI)
$(GOLANGCI):
	@$(GOLANGCI) version --short 2>/dev/null | grep -qx '$(GOLANGCI_V:v%=%)' || \
	  CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_V)

# What people type here. `make` alone prints the list.

GO            ?= go
GOLANGCI_V    := v2.15.0
GOLANGCI      := $(shell $(GO) env GOPATH)/bin/golangci-lint
# A browser, a directory or a provider that a test starts may need a while on a loaded machine; a test that hangs is ended here.
TEST_TIMEOUT  ?= 20m
BENCH         ?= .
FUZZ_TIME     ?= 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start the service with its defaults on http://localhost:8080
	$(GO) run ./cmd/ostiary serve

.PHONY: build
build: ## Build one static binary, bin/ostiary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/ostiary ./cmd/ostiary

.PHONY: test
test: fixtures ## Run all tests; installs the servers they talk to (Debian)
	$(GO) test -shuffle=on -timeout $(TEST_TIMEOUT) ./...

.PHONY: check
check: fixtures fmt-check tidy-check generated-check lint race emulated ## What CI runs: format, tidy, generated code, lint, all tests with the race detector

.PHONY: bench
bench: ## Print the performance table (BENCH=pattern for a part of it)
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
vuln: ## Report known vulnerabilities that the program reaches (VULN_DB=file:///… for a copy of the database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db $(VULN_DB) ./...

.PHONY: sbom
sbom: build ## Write what the binary is made of, bin/ostiary.cdx.json (CycloneDX)
	$(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -output bin/ostiary.cdx.json bin/ostiary

.PHONY: generate
generate: ## Generate code again from the OpenAPI files
	$(GO) generate ./...

.PHONY: fixtures
fixtures: ## Install what the tests need and this machine lacks
	@test/fixtures/install.sh

.PHONY: fmt-check
fmt-check: $(GOLANGCI)
	$(GOLANGCI) fmt --diff

.PHONY: tidy-check
tidy-check:
	$(GO) mod tidy -diff

# The assembly is what its generators write. (The code from the OpenAPI files is compared by a test.)
KERNEL        := adapters/argon2id/argon2kernel

.PHONY: generated-check
generated-check:
	@before=$$(cat $(KERNEL)/compress_* | sha256sum); $(GO) generate ./$(KERNEL); \
	  test "$$before" = "$$(cat $(KERNEL)/compress_* | sha256sum)" || \
	  { echo 'the committed assembly was not what its generators write; now it is' >&2; exit 1; }

# The kernel for arm64 runs in an emulator where the machine is another.
.PHONY: emulated
emulated: fixtures
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64-static -run 'RFC9106|Kernel' ./$(KERNEL)

# The dependency rule (test/arch) is one of these tests.
.PHONY: race
race: fixtures
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout $(TEST_TIMEOUT) ./...

# Installs the linter where it is missing or of another version.
.PHONY: $(GOLANGCI)
$(GOLANGCI):
	@$(GOLANGCI) version --short 2>/dev/null | grep -qx '$(GOLANGCI_V:v%=%)' || \
	  CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_V)

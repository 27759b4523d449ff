# Reeve. `make help` lists what can be made.
TOOLS   := $(CURDIR)/bin/tools
BUF     := $(TOOLS)/buf
LINT    := $(TOOLS)/golangci-lint
LINT_VERSION := v2.15.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
# The race detector needs a C compiler; everything else is built without one.
RACE    ?= $(if $(shell command -v cc),-race,)
FOR     ?= 0s
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

build: ## bin/reeve and the VM plugins in bin/plugins
	@mkdir -p bin/plugins bin/paras
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/reeve ./cmd/reeve
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/plugins/kvvm ./vmhost/kvvm/cmd/kvvm
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/plugins/relayvm ./vmhost/relayvm/cmd/relayvm
	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags '-s -w' -o bin/paras/ledger.wasm ./services/collator/ledger/validation

run: build ## four validators, a key-value chain and a relay chain with a parachain, until Ctrl-C (FOR=30s ends by itself)
	bin/reeve devnet up --chain kv=kvvm --chain relay=relayvm --parachain --transactions 4 --timeout 60s --for $(FOR)

test: build ## all tests; then the short ones again with the race detector, where there is a C compiler
	go test -timeout 20m ./...
	$(if $(RACE),CGO_ENABLED=1 go test $(RACE) -short -timeout 20m ./...)

race: ## all tests with the race detector
	CGO_ENABLED=1 go test -race -timeout 60m ./...

longsim: ## the simulation's stories with all their seeds, sizes and points; about two hours
	go test -timeout 3h ./cmd/internal/sim/scenario/consensus -args -long
	go test -timeout 3h ./cmd/internal/sim/scenario/parachain -args -long

lint: $(LINT) ## what the compiler doesn't say: import rules, determinism rules, common mistakes
	$(LINT) run ./...

generate: $(BUF) ## generate Go from proto/
	$(BUF) lint
	$(BUF) generate
	$(BUF) generate --template buf.gen.wire.yaml --path proto/reeve/overseer/v1/routed.proto --path proto/reeve/overseer/v1/flow.proto --path proto/reeve/overseer/v1/signal.proto --path proto/reeve/vm/plugin/v1/fastcall.proto

breaking: $(BUF) ## fail when the protocol breaks what proto/baseline.binpb promises
	$(BUF) breaking --against proto/baseline.binpb

generate-check: generate breaking ## fail when generated Go is older than its .proto
	@git diff --exit-code --stat -- proto || (echo 'run `make generate` and commit the result'; exit 1)

graph: ## draw who talks to whom, and the table of processes, into the README
	go test ./services -run Readme -update

bench: build peerbench ## the bus, a network and a plugin, side by side with their peers; some minutes
	bin/reeve bench bus
	bin/reeve bench vm
	bin/reeve bench chain

peerbench: ## the peers that bench compares with: NATS, grpc-go, a bare relay, CometBFT
	cd cmd/internal/peerbench && go build -trimpath -ldflags '-s -w' -o ../../../bin/peerbench .
	cd cmd/internal/peerbench && go build -trimpath -ldflags '-s -w' -o ../../../bin/minimalplugin ./minimal
	cd cmd/internal/peerbench && go build -trimpath -ldflags '-s -w' -o ../../../bin/cometbft github.com/cometbft/cometbft/cmd/cometbft

killtest: build ## kill every process of a network under load and look for what is lost; a quarter of an hour
	go run ./cmd/killtest
	go run ./cmd/killtest -parachain -rounds 1
	go run ./cmd/killtest -byzantine -parachain -validators 5 -for 20s

abuse: build ## attack a network as peer, as client and at the bus, beside an honest client; a quarter of an hour
	go run ./cmd/abuse

mutants: ## plant bugs one at a time in a copy of the tree, and see that a test notices each; a quarter of an hour
	go run ./cmd/mutants

powercut: build ## cut the power of a network under load 200 times, with four validators and with one; needs root, an hour
	go run ./cmd/killtest -powercut 200
	go run ./cmd/killtest -powercut 200 -validators 1

compose-test: ## one validator in containers, killed part by part; says so where there is no container engine
	deploy/compose-test.sh

# Version 14 of clang and lld, as Debian 12 has them, makes the bytes that are committed; a test compares where it is there.
GUESTS := services/candidatevalidation/examples
guests: ## the examples of validation code: in C, as it is committed, and in Go, into bin/guests
	@mkdir -p bin/guests
	clang --target=wasm32 -mcpu=mvp -mbulk-memory -O2 -ffreestanding -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=65536 -o $(GUESTS)/cadder/adder.wasm $(GUESTS)/cadder/adder.c
	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags '-s -w' -o bin/guests/adder.wasm ./$(GUESTS)/adder

sizes: ## sizes of files and functions, without tests and generated code
	@go run ./cmd/internal/sizes

clean: ## remove what was built, and the network in .reeve
	rm -rf bin/reeve bin/plugins .reeve

$(BUF):
	GOBIN=$(TOOLS) go install github.com/bufbuild/buf/cmd/buf@v1.70.0

$(LINT):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

.PHONY: help build run test race longsim lint generate breaking generate-check graph bench peerbench killtest powercut abuse mutants compose-test guests sizes clean

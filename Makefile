# Reeve. `make help` lists what can be made.
TOOLS   := $(CURDIR)/bin/tools
BUF     := $(TOOLS)/buf
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

generate: $(BUF) ## generate Go from proto/
	$(BUF) lint
	$(BUF) generate

$(BUF):
	GOBIN=$(TOOLS) go install github.com/bufbuild/buf/cmd/buf@v1.70.0

.PHONY: help generate

# Boathook: run `make` for the list of targets.
#
# Only `deps` installs anything on the machine (`test` begins with it). Tests run
# as root, on the kernel of this machine, in network namespaces of their own.

SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
# The targets use both cores themselves, and their order matters.
.NOTPARALLEL:

BIN := $(CURDIR)/bin
GO ?= go
PREFIX ?= /usr/local
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

CLANG ?= clang-19
LLVM_STRIP ?= llvm-strip-19
CLANG_FORMAT ?= clang-format-19

# Debian packages: the compiler of the eBPF objects, what the tests run (dockerd,
# ip, tc, a busybox to make images of) and what lint runs.
PACKAGES := bpftool busybox-static ca-certificates clang-19 clang-format-19 containerd docker.io \
	gcc git iproute2 iptables iputils-ping libc6-dev linux-libc-dev llvm-19 procps runc shellcheck util-linux

# What only test-kernels needs, and what it tests where. 5.10 is the oldest that is
# supported, TCX came with 6.6.
KERNEL_PACKAGES := cpio kmod qemu-system-x86 xz-utils
KERNELS ?= 5.10 6.1 6.12 7.3
KERNEL_TESTS ?= . event internal/dispatch internal/hook internal/kernel internal/linktable internal/netns \
	internal/session

# <asm/types.h> is in the compiler's multiarch folder; -idirafter keeps it behind
# everything else. Our own headers are named relative to where the compiler runs,
# so that no object tells where it was compiled.
BPF_CFLAGS = -idirafter /usr/include/$(shell gcc -print-multiarch) \
	-include $(CURDIR)/bpf/reproducible.h

OBJECTS := $(patsubst %.bpf.c,%.o,$(wildcard testdata/objects/*.bpf.c))

##@ Working on the code

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: deps
deps: ## install the Debian packages that the other targets need (root)
	@test/deps.sh $(PACKAGES)

.PHONY: generate
generate: objects ## compile the eBPF objects and write the Go code that embeds them
	@BPF2GO_CC=$(CLANG) BPF2GO_STRIP=$(LLVM_STRIP) \
		BPF2GO_CFLAGS="$(BPF_CFLAGS)" $(GO) generate ./...

.PHONY: generate-check
generate-check: ## check that generating again changes nothing
	@test/unchanged.sh '*.o' '*_bpfel.go' '*_bpfeb.go' -- $(MAKE) --no-print-directory generate

.PHONY: build
build: ## compile the command, static, into bin/
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/boathook ./cmd/boathook

.PHONY: test
test: deps generate-check lint build vet ## everything that must pass before a change goes in (root)
	@test/run.sh $(GO) test -race -timeout 15m -p 2 -parallel 4 ./...

.PHONY: deps-kernels
deps-kernels: deps
	@test/deps.sh $(KERNEL_PACKAGES)

.PHONY: test-kernels
test-kernels: deps-kernels ## run the tests that depend on the kernel on others, in virtual machines
	@test/vm/run.sh "$(KERNELS)" $(KERNEL_TESTS)

.PHONY: vet
vet:
	@$(GO) mod tidy -diff
	@$(GO) vet ./...

.PHONY: lint
lint: $(BIN)/golangci-lint ## check the style of Go, C and shell
	@$(BIN)/golangci-lint run --allow-parallel-runners
	@git ls-files '*.c' '*.h' ':!bpf/libbpf' | xargs -r $(CLANG_FORMAT) --dry-run -Werror
	@git ls-files '*.sh' .ci/run | xargs -r shellcheck
	@test/short.sh 500

# Takes some minutes, once.
$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	@echo "building golangci-lint"
	@$(GO) build -C tools -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

.PHONY: clean
clean: ## remove what was built
	@rm -rf $(BIN)

##@ Using it

.PHONY: demo
demo: build ## two network namespaces with real traffic, traced (root)
	@$(BIN)/boathook demo

.PHONY: bench
bench: ## what Boathook costs, each figure beside its baseline: 8 minutes (root)
	@$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 20m ./bench

.PHONY: bench-quick
bench-quick: ## a part of it, with 100 containers, in under a minute (root)
	@$(GO) test -run '^$$' -bench 'Dispatcher|Containers/attach|Containers/swap' -benchtime 1x -short ./bench

.PHONY: bench-code
bench-code: ## benchmarks of single functions, with what they allocate (root)
	@$(GO) test -run '^$$' -bench . -benchmem -p 1 $(shell $(GO) list ./... | grep -v /bench$$)

.PHONY: install
install: build ## install the command into PREFIX (/usr/local)
	@install -D -m 755 $(BIN)/boathook $(DESTDIR)$(PREFIX)/bin/boathook

# What follows is run by the targets above.

.PHONY: objects
objects: $(OBJECTS)

# Built each time: after a clone, file times say nothing.
.PHONY: FORCE
FORCE:

testdata/objects/%.o: BTF := -g
testdata/objects/nobtf.o: BTF :=
testdata/objects/%.o: testdata/objects/%.bpf.c FORCE
	@$(CLANG) -target bpf -mcpu=v3 -O2 $(BTF) -Wall -Werror -fno-ident -fdebug-compilation-dir=. \
		-Ibpf -Ibpf/libbpf $(BPF_CFLAGS) -c $< -o $@.tmp
	@$(LLVM_STRIP) -g $@.tmp
	@mv $@.tmp $@

# Boathook: run `make` for the list of targets.
#
# Only `make deps` installs anything on the machine. Tests run as root, on the
# kernel of this machine, in network namespaces that they make themselves.

SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help

BIN := $(CURDIR)/bin
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

CLANG ?= clang-19
LLVM_STRIP ?= llvm-strip-19
CLANG_FORMAT ?= clang-format-19

# Debian packages: the compiler of the eBPF objects, what tests run (a real
# dockerd, iproute2, busybox for images) and what lint runs.
PACKAGES := busybox-static ca-certificates clang-19 clang-format-19 docker.io containerd runc gcc \
	git iproute2 iptables libc6-dev linux-libc-dev llvm-19 netcat-openbsd procps shellcheck tcpdump \
	util-linux

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
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(PACKAGES) 2>/dev/null | \
		awk '$$2 == "installed" { print $$1 }' | sort | \
		comm -13 - <(printf '%s\n' $(PACKAGES) | sort)); \
	if [ -n "$$missing" ]; then \
		apt-get update -q; \
		DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	fi
	@$(GO) version >/dev/null || { echo "make: needs Go, see go.mod for the version" >&2; exit 1; }

.PHONY: generate
generate: objects ## compile the eBPF objects and write the Go code that embeds them
	@BPF2GO_CC=$(CLANG) BPF2GO_STRIP=$(LLVM_STRIP) \
		BPF2GO_CFLAGS="$(BPF_CFLAGS)" $(GO) generate ./...

.PHONY: generate-check
generate-check: ## check that generating again changes nothing
	@test/unchanged.sh '*.o' '*_bpfel.go' '*_bpfeb.go' -- $(MAKE) --no-print-directory generate

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

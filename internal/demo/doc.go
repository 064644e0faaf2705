// SPDX-License-Identifier: Apache-2.0

// Package demo shows on any Linux host what boathook does: it makes two
// network namespaces, sends real traffic between them, traces it with a
// program that asks for every packet to be dropped, and says what was seen.
// Nothing that it makes has a name or outlives it.
package demo

//go:generate go tool -modfile=../../tools/go.mod bpf2go -tags linux -target bpfel flows flows.bpf.c -- -O2 -g -Wall -Werror -I../../bpf -I../../bpf/libbpf

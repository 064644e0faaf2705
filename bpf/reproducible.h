/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Included ahead of every eBPF source by the Makefile.
 *
 * clang 19 appends the struct types that are only pointed to (BTF_KIND_FWD) in
 * the order of its own heap addresses (FixupDerivedTypes in BTFDebug.h), which
 * change with the environment. struct __sk_buff points to two, so every tc
 * object comes out in one of two forms. Describing one of them completely
 * leaves one, and one has no order. Nobody calls the function, so loaders leave
 * it out.
 */
#include <linux/bpf.h>

/* The name in the line information: the same from every folder. */
#line 1 "reproducible.h"
__attribute__((noinline, used)) static void complete_types(const struct bpf_flow_keys *keys)
{
}

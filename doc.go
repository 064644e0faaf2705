// SPDX-License-Identifier: Apache-2.0

// Package boathook runs a tc (SchedCLS) eBPF program on containers and network
// interfaces: loaded once, attached to any number of links, following them as
// they come and go, with the direction seen from the container.
//
// A [Runtime] runs one [Program], or a pair of programs for the two directions,
// on any number of [Target]s. Under [Observe], the default, packets and their fate
// are the same as without it, whatever the program does or returns. When the
// process ends by whatever cause, all packets pass.
//
// Requires Linux 5.10 on x86-64 or 6.0 on arm64, with the eBPF JIT on;
// CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN.
package boathook

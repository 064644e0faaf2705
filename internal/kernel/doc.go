// SPDX-License-Identifier: Apache-2.0

// Package kernel finds out what the running kernel can do for boathook, what
// the process may do, and which settings of the host stand in the way.
//
// Features are tried, never derived from the version: distributions carry
// features back and leave others out. Whatever a probe makes is gone when it
// returns, and hooks are tried in a network namespace that nobody else sees.
// The only trace a probe may leave is a kernel module that was loaded on
// demand (sch_ingress, cls_bpf), as the first attach would load it.
package kernel

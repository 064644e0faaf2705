// SPDX-License-Identifier: Apache-2.0

// Package boathook runs a tc (SchedCLS) eBPF program on containers and network
// interfaces: loaded once, attached to any number of links, following them as
// they come and go, with the direction seen from the container.
//
// A [Runtime] runs one [Program], or a pair of programs for the two directions,
// on any number of [Target]s. Under [Observe], the default, packets and their fate
// are the same as without it, whatever the program does or returns. When the
// process ends by whatever cause, all packets pass. [Hooks] lists what is on the
// hooks of a target, whoever put it there.
//
// # Programs
//
// A program is an object, from which the Runtime loads as many copies as it needs
// (one for each direction that serves all links of the host, more where events
// would not say whose they are), or one that the caller has loaded, of which there
// is no copy. All copies share the object's maps, save event maps and prog arrays.
// See [Program] for what becomes of the maps and events of a loaded one.
//
// # Ownership
//
// The Runtime owns what it makes and frees it in [Runtime.Close]; what the caller
// hands in stays the caller's, and may be changed or closed as soon as the call
// returns. What is on a hook and is not ours is never changed.
//
// # Concurrency
//
// All methods of a Runtime may be called from any goroutine, at any time, Close
// included, but not from the functions in [Options], save where those say so.
//
// # Errors
//
// Errors that a caller may want to tell apart wrap one of this package's
// variables, or an error of os or context; each function names its own. An error
// is one line for each thing that went wrong. What happens later, to links that
// come and go, is told to Options.Notify.
//
// # Kernels
//
// Requires Linux 5.10 on x86-64 or 6.0 on arm64, with the eBPF JIT on; CAP_BPF,
// CAP_NET_ADMIN and CAP_SYS_ADMIN. [TCX] requires Linux 6.6.
//
// Without AllowWrites the instructions of programs are read back from the kernel,
// which must not hide them: the sysctl kernel.kptr_restrict at 2 does if
// net.core.bpf_jit_harden is 2 as well, and for programs that the caller has loaded
// in any case; those need CAP_SYSLOG too.
//
// Below Linux 5.11, lift RLIMIT_MEMLOCK first, for instance by RemoveMemlock of
// github.com/cilium/ebpf/rlimit.
package boathook

// SPDX-License-Identifier: Apache-2.0

// Package event turns the bytes that an eBPF program sends to user space into
// records that people and scripts can read, guided by nothing but the
// program's own BTF.
//
// A [Schema] says how the bytes of one C type are read: integers of every size,
// bitfields, enums by name, text, nested and anonymous structs and unions, and
// the network types that programs on packets use (addresses, ports, MAC
// addresses, protocols, timestamps), recognised by their C type or name.
// [Find] picks the type that the records of one map have. [Record] puts what
// was decoded together with the container, link and direction it belongs to.
// [MapReader] prints the entries of maps for the many programs that only count.
//
// Nothing here loads a program, and records are decoded without a system call,
// so that decoding can be fuzzed and measured without root.
package event

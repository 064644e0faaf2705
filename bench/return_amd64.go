// SPDX-License-Identifier: Apache-2.0

package bench

// PlainReturns calls an empty function n times.
//
//go:noescape
func PlainReturns(n int64)

// SafeReturns calls an empty function n times, which returns as compiled eBPF
// programs do on kernels with the Safe RET mitigation.
//
//go:noescape
func SafeReturns(n int64)

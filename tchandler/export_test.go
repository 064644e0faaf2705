// SPDX-License-Identifier: Apache-2.0

package tchandler

// SetHostPID makes the network namespace of a process that of the host, before
// anything is attached.
func (h *Handler) SetHostPID(pid int) { h.hostPID = pid }

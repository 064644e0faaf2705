// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Commands of include/uapi/linux/membarrier.h. The global one waits for an RCU
// grace period: no packet is left in a program that was running before.
const (
	membarrierQuery  = 0
	membarrierGlobal = 1
)

// waitForPackets returns when all packets that were in a program have left it.
func waitForPackets() error {
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0); errno != 0 {
		return fmt.Errorf("wait for packets in programs: %w", errno)
	}
	return nil
}

// canWaitForPackets is false on kernels with nohz_full CPUs.
func canWaitForPackets() bool {
	commands, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, membarrierQuery, 0, 0)
	return errno == 0 && commands&membarrierGlobal != 0
}

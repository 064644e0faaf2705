// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func tryRingBuffer(*site) error {
	return tryMap(&ebpf.MapSpec{
		Name: "bh_probe_ring", Type: ebpf.RingBuf, MaxEntries: uint32(os.Getpagesize()),
	})
}

// tryMap creates a map and closes it.
func tryMap(spec *ebpf.MapSpec) error {
	m, err := ebpf.NewMap(spec)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	if err != nil {
		return fmt.Errorf("create map: %w", err)
	}
	return m.Close()
}

// memlockValueSize is large enough to reach a usual limit with few entries.
const memlockValueSize = 32 << 10

// tryMemlock asks for a map that would cost more than RLIMIT_MEMLOCK allows.
// A hash without preallocation is charged for all its entries by the kernels
// that charge at all, yet takes memory for hardly one.
func tryMemlock(*site) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return fmt.Errorf("read RLIMIT_MEMLOCK: %w", err)
	}
	// Nothing here comes near 2 GiB, and the kernel refuses a map that would
	// cost 4 GiB whatever the limit.
	if limit.Cur >= math.MaxInt32 {
		return nil
	}
	entries := limit.Cur/memlockValueSize + 1
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "bh_probe_memory", Type: ebpf.Hash, KeySize: 4, ValueSize: memlockValueSize,
		MaxEntries: uint32(entries), Flags: unix.BPF_F_NO_PREALLOC,
	})
	if errors.Is(err, unix.EPERM) && hasCap(unix.CAP_SYS_ADMIN) {
		return fmt.Errorf("a map of %d KiB was refused: %w", entries*memlockValueSize>>10, ErrNotSupported)
	}
	if err != nil {
		return fmt.Errorf("create map: %w", err)
	}
	return m.Close()
}

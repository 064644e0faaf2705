// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// offsetCB0 is that of cb[0], which the dispatcher restores in any case, in
// struct __sk_buff (include/uapi/linux/bpf.h).
const offsetCB0 = 48

// Commands of include/uapi/linux/membarrier.h. The global one waits for an RCU
// grace period: no packet is left in a program that was running before.
const (
	membarrierQuery  = 0
	membarrierGlobal = 1
)

// keepsFields says whether none of the programs called names can store to a
// field of the skb other than cb[0].
func keepsFields(spec *ebpf.CollectionSpec, names []string) (bool, error) {
	for _, name := range names {
		stores, err := contextStores(spec.Programs[name].Instructions)
		if err != nil {
			return false, fmt.Errorf("follow the context through program %s: %w", name, err)
		}
		delete(stores, offsetCB0)
		if len(stores) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// expect makes sure that fields are restored before inst, which may store to
// some, gets into the slot: a packet that was told not to restore them might
// still be on its way there.
func (l *Load) expect(inst *instance) error {
	if inst.keepsFields {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writers++
	if err := l.setRestoringLocked(); err != nil || l.writers > 1 {
		return err
	}
	// Where there is no wait, fields are restored always: nothing to wait for.
	_ = waitForPackets() //nolint:errcheck // see above
	return nil
}

// forget takes back expect once no packet can be in inst.
func (l *Load) forget(inst *instance) error {
	if inst.keepsFields {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writers--
	return l.setRestoringLocked()
}

func (l *Load) setRestoringLocked() error {
	var restoring uint32
	if !l.allowWrites && (l.writers > 0 || !canWaitForPackets()) {
		restoring = 1
	}
	if err := l.objs.Restoring.Set(restoring); err != nil {
		return fmt.Errorf("tell the dispatcher to restore fields: %w", err)
	}
	return nil
}

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

// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// offsetCB0 is that of cb[0], which the dispatcher restores in any case, in
// struct __sk_buff (include/uapi/linux/bpf.h).
const offsetCB0 = 48

// after is what is left for the dispatcher to do when a program has ended: enum
// after of dispatcher.bpf.c. Each value includes those before it.
type after uint32

const (
	// nothing: the program returns TC_ACT_UNSPEC on every way, stores to no field of
	// the skb and does not read cb[0], so that it need not return to the dispatcher.
	nothing after = iota
	// verdict: judge what it returned and put back cb[0].
	verdict
	// fields: put back the other fields of the skb as well.
	fields
)

// leftAfter says what is left to do after a program that can reach all those
// called names, the first of which it is itself. progs are [relocated].
func leftAfter(progs map[string]*ebpf.ProgramSpec, names []string) (after, error) {
	for _, name := range names {
		stores, err := contextStores(progs[name].Instructions)
		if err != nil {
			return fields, fmt.Errorf("follow the context through program %s: %w", name, err)
		}
		delete(stores, offsetCB0)
		if len(stores) > 0 {
			return fields, nil
		}
	}
	if len(names) > 1 {
		return verdict, nil
	}
	alone, err := leavesNothing(progs[names[0]].Instructions)
	if err != nil {
		return fields, fmt.Errorf("follow the verdicts of program %s: %w", names[0], err)
	}
	if !alone {
		return verdict, nil
	}
	return nothing, nil
}

// expect makes the dispatcher do what is left after inst, before inst gets into
// the slot.
func (l *Load) expect(inst *instance) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.programs[inst.after]++
	return l.setAfterLocked()
}

// knows says whether all packets in the dispatcher have been told to do what is
// left after inst, which was expected. Else some may still be on their way to the
// slot that were told less.
func (l *Load) knows(inst *instance) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known >= min(inst.after, l.afterLocked())
}

// learned notes that packets were waited for since inst was expected.
func (l *Load) learned(inst *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = max(l.known, min(inst.after, l.afterLocked()))
}

// forget takes back expect once no packet can be in inst.
func (l *Load) forget(inst *instance) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.programs[inst.after]--
	return l.setAfterLocked()
}

// afterLocked is what the programs need that packets may be in.
func (l *Load) afterLocked() after {
	if l.allowWrites {
		return verdict // what it stores stays; it may end where the kernel cannot make the packet private
	}
	if !canWaitForPackets() {
		return fields
	}
	for most := fields; most > nothing; most-- {
		if l.programs[most] > 0 {
			return most
		}
	}
	return nothing
}

func (l *Load) setAfterLocked() error {
	l.known = min(l.known, l.afterLocked())
	if err := l.objs.After.Set(uint32(l.afterLocked())); err != nil {
		return fmt.Errorf("tell the dispatcher what to do after the program: %w", err)
	}
	return nil
}

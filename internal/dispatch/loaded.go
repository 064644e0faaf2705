// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// NewLoadedSource checks programs that the caller has loaded, by the names it
// gives them, and keeps handles of its own: the caller may close his. Such a
// program has one copy, and its maps are the caller's; nothing is inherited. A
// program that could do harm, that no slot takes, or whose instructions cannot
// be read, is a [RefusedError]. Returns os.ErrClosed, wrapped, for one that is
// closed, and [ErrNoProgram] for nil.
func NewLoadedSource(progs map[string]*ebpf.Program, opts SourceOptions) (*Source, error) {
	s := &Source{opts: opts, loaded: map[string]*ebpf.Program{}, after: map[string]after{}, kernel: inheritedKernel(opts.Inherit)}
	s.opts.Inherit = nil
	s.kernel.mu.Lock()
	defer s.kernel.mu.Unlock()
	if err := errors.Join(s.keepLoaded(progs), s.kernel.endLocked()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Source) keepLoaded(progs map[string]*ebpf.Program) error {
	for name, prog := range progs {
		switch {
		case prog == nil:
			return fmt.Errorf("%w: %s is nil", ErrNoProgram, name)
		case prog.FD() < 0:
			return fmt.Errorf("use program %s: %w", name, os.ErrClosed)
		}
		left, err := checkForeign(name, prog, s.kernel, s.opts)
		if err != nil {
			return err
		}
		s.after[name] = left
		clone, err := prog.Clone()
		if err != nil {
			return fmt.Errorf("keep program %s: %w", name, err)
		}
		s.loaded[name] = clone
	}
	return nil
}

func (s *Source) instantiateLoaded(name string) (*instance, error) {
	prog := s.loaded[name]
	if prog == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoProgram, name)
	}
	clone, err := prog.Clone()
	if err != nil {
		return nil, fmt.Errorf("keep program %s: %w", name, err)
	}
	return &instance{name: name, prog: clone, own: clone, after: s.after[name]}, nil
}

// checkForeign is checkSpec and checkLoaded for a program of which only the
// translated instructions are to be had. It says besides what is left to do when
// the program has ended.
func checkForeign(name string, prog *ebpf.Program, kernel *kernelView, opts SourceOptions) (after, error) {
	if err := checkType(name, prog); err != nil {
		return fields, err
	}
	insns, err := translated(name, prog)
	if err != nil {
		return fields, err
	}
	if err := checkForeignCalls(name, insns, kernel, opts); err != nil || opts.AllowWrites {
		return fields, err
	}
	if writesPacket(insns) {
		return fields, &RefusedError{Program: name, Reason: "writes to the packet directly", Hint: liftedByWrites}
	}
	if err := checkForeignMaps(name, prog); err != nil {
		return fields, err
	}
	return checkForeignStores(name, insns, kernel)
}

// checkForeignCalls refuses a program that calls what could do harm.
func checkForeignCalls(name string, insns asm.Instructions, kernel *kernelView, opts SourceOptions) error {
	calls, err := calledSymbols(insns, kernel)
	if errors.Is(err, errNoSymbols) {
		return &RefusedError{
			Program: name,
			Reason:  "cannot be checked for what it calls: the sysctl kernel.kptr_restrict, or a lack of CAP_SYSLOG, hides the kernel's symbols",
			Hint:    hintSymbols,
		}
	}
	if err != nil {
		return fmt.Errorf("name the helpers of program %s: %w", name, err)
	}
	onSkb := calls["bpf_dynptr_from_skb"]
	for symbol := range calls {
		switch {
		case symbol == "bpf_throw":
			return &RefusedError{Program: name, Reason: "calls bpf_throw, which can unwind past the dispatcher"}
		case opts.AllowWrites:
		case !harmlessSymbol(symbol, onSkb):
			return &RefusedError{Program: name, Reason: fmt.Sprintf("calls %s, which can change the packet or its fate", symbol), Hint: liftedByWrites}
		}
	}
	return nil
}

// checkForeignMaps refuses a program that can call others which we have not seen.
func checkForeignMaps(name string, prog *ebpf.Program) error {
	info, err := prog.Info()
	if err != nil {
		return fmt.Errorf("inspect program %s: %w", name, err)
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return fmt.Errorf("inspect map %d of program %s: %w", id, name, err)
		}
		typ, title := m.Type(), m.String()
		if err := m.Close(); err != nil {
			return fmt.Errorf("inspect map %d of program %s: %w", id, name, err)
		}
		// The kernel takes no prog arrays into maps of maps (bpf_map_meta_alloc in
		// kernel/bpf/map_in_map.c), so that these are all.
		if typ == ebpf.ProgramArray {
			return &RefusedError{Program: name, Reason: unknownTails(title), Hint: liftedByWrites}
		}
		if holdsSockets(typ) {
			return &RefusedError{Program: name, Reason: changesSockets(title), Hint: liftedByWrites}
		}
	}
	return nil
}

// checkForeignStores refuses a store to the time stamp and writes that the kernel
// does not tell of. The other fields that a program may store to are left for the
// dispatcher to put back.
func checkForeignStores(name string, insns asm.Instructions, kernel *kernelView) (after, error) {
	offset, err := kernel.tstampOffset()
	if err != nil {
		return fields, fmt.Errorf("find tstamp in the kernel's sk_buff: %w", err)
	}
	stores, err := contextStores(insns)
	if err != nil {
		return fields, fmt.Errorf("follow the context through program %s: %w", name, err)
	}
	if stores[offset] {
		return fields, &RefusedError{Program: name, Reason: "writes skb->tstamp, which cannot be restored", Hint: liftedByWrites}
	}
	how, err := writesUnseen(insns, loadedView(kernel))
	if err != nil {
		return fields, fmt.Errorf("follow packets through program %s: %w", name, err)
	}
	if how != "" {
		return fields, &RefusedError{Program: name, Reason: how, Hint: liftedByWrites}
	}
	if len(stores) > 0 {
		return fields, nil
	}
	return verdict, nil
}

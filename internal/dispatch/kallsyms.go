// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/asm"
)

// errNoSymbols says that kernel addresses are hidden, so that calls have no names.
var errNoSymbols = errors.New("the kernel hides its symbols (sysctl kernel.kptr_restrict)")

// kernelView is what of the kernel is needed to understand loaded programs. It
// is read when it is first needed, and once: that takes longer than to check
// all programs.
type kernelView struct {
	symbols []byte // the text of /proc/kallsyms
	tstamp  int16  // offset of that member of struct sk_buff; 0: not read yet
}

func (v *kernelView) kallsyms() (io.ReadSeeker, error) {
	if v.symbols == nil {
		text, err := os.ReadFile("/proc/kallsyms")
		if err != nil {
			return nil, err
		}
		v.symbols = text
	}
	return bytes.NewReader(v.symbols), nil
}

func (v *kernelView) tstampOffset() (int16, error) {
	if v.tstamp == 0 {
		offset, err := tstampOffset()
		if err != nil {
			return 0, err
		}
		v.tstamp = offset
	}
	return v.tstamp, nil
}

// calledSymbols names the kernel functions that translated instructions call.
// Such a call holds the distance from __bpf_call_base to the function. Returns
// errNoSymbols if the kernel hides that.
func calledSymbols(insns asm.Instructions, kernel *kernelView) (map[string]bool, error) {
	distances := map[int32]bool{}
	names := map[string]bool{}
	for _, ins := range insns {
		switch {
		case ins.OpCode.JumpOp() != asm.Call || ins.IsFunctionCall() || !ins.OpCode.Class().IsJump():
		case ins.IsBuiltinCall() && asm.BuiltinFunc(ins.Constant) == asm.FnTailCall:
			names["bpf_tail_call"] = true
		default:
			distances[int32(ins.Constant)] = true
		}
	}
	if len(distances) == 0 {
		return names, nil
	}
	kallsyms, err := kernel.kallsyms()
	if err != nil {
		return nil, err
	}
	return names, nameCalls(kallsyms, distances, names)
}

// nameCalls adds to names the symbols at distances from __bpf_call_base.
func nameCalls(kallsyms io.ReadSeeker, distances map[int32]bool, names map[string]bool) error {
	var base uint64
	err := eachSymbol(kallsyms, func(address uint64, name string) {
		if name == "__bpf_call_base" {
			base = address
		}
	})
	if err != nil {
		return err
	}
	if base == 0 {
		return errNoSymbols
	}
	if _, err := kallsyms.Seek(0, io.SeekStart); err != nil {
		return err
	}
	found := map[int32]bool{}
	err = eachSymbol(kallsyms, func(address uint64, name string) {
		distance := int32(address - base)
		if distances[distance] && base+uint64(int64(distance)) == address {
			found[distance] = true
			names[name] = true
		}
	})
	for distance := range distances {
		if !found[distance] {
			names[fmt.Sprintf("an unknown function at %+d", distance)] = true
		}
	}
	return err
}

func eachSymbol(r io.Reader, yield func(address uint64, name string)) error {
	scan := bufio.NewScanner(r)
	for scan.Scan() {
		hex, rest, ok := strings.Cut(scan.Text(), " ")
		_, name, ok2 := strings.Cut(rest, " ")
		if !ok || !ok2 {
			continue
		}
		address, err := strconv.ParseUint(hex, 16, 64)
		if err != nil {
			return fmt.Errorf("read kernel symbols: %w", err)
		}
		name, _, _ = strings.Cut(name, "\t")
		yield(address, name)
	}
	return scan.Err()
}

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

// symbolTable is the text of /proc/kallsyms, read when it is first needed: the
// kernel takes longer to print it than all programs take to be checked.
type symbolTable struct {
	text []byte
}

func (t *symbolTable) open() (io.ReadSeeker, error) {
	if t.text == nil {
		text, err := os.ReadFile("/proc/kallsyms")
		if err != nil {
			return nil, err
		}
		t.text = text
	}
	return bytes.NewReader(t.text), nil
}

// calledSymbols names the kernel functions that translated instructions call.
// Such a call holds the distance from __bpf_call_base to the function. Returns
// errNoSymbols if the kernel hides that.
func calledSymbols(insns asm.Instructions, symbols *symbolTable) (map[string]bool, error) {
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
	kallsyms, err := symbols.open()
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
